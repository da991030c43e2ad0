//! A handler over any store.

mod document;
mod members;
mod patch;
pub(crate) mod select;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use scimkit_filter::{Node, ResolvedPath};
use scimkit_store::{
    Membership, NewResource, Query, ResourceKey, ResourceStore, Revision, Selection, StoreError, StoreErrorKind, StoredResource, Tenant,
    Update,
};
use scimkit_types::validate::Operation;
use scimkit_types::value::MemberName;
use scimkit_types::{AttributeName, Change, ComplexValue, ErrorResponse, PatchOp, Projection, Resource, ScimType, Value, Version};

use crate::handler::{Context, Found, HandlerError, Preconditions, ResourceHandler, Result, Search};
use crate::query;
use crate::readiness::Readiness;

/// How often a write is tried when others change the resource at the same time.
const ATTEMPTS: u32 = 16;

/// Does what requests ask for over a [`ResourceStore`].
///
/// Bodies are validated, PATCH operations applied, unique values kept unique, and everything else done as the profile says. Members of
/// large groups are added and removed one by one: the cost of doing so does not depend on how many there are.
///
/// A user's `groups` are derived from memberships and cannot be searched by. Passwords never get here: the server gives them to its
/// [`PasswordSink`](crate::PasswordSink). A value of any other writeOnly attribute is refused with 501, since a store would keep it in
/// clear.
#[derive(Debug)]
pub struct StoreHandler {
    store: Arc<dyn ResourceStore>,
}

/// What a write does to a resource beside the document, which it edits in place.
#[derive(Debug, Default)]
struct Edit {
    /// Whether the document, then without members, is another than it was; else it is as it was.
    changes_document: bool,
    members: Vec<Change>,
}

impl StoreHandler {
    /// A handler over a store.
    pub const fn new(store: Arc<dyn ResourceStore>) -> Self {
        Self { store }
    }

    /// The store itself, so that calls do not go through the pointer's own implementation.
    fn store(&self) -> &dyn ResourceStore {
        self.store.as_ref()
    }

    /// Reads, checks the preconditions, edits and writes, again if others were faster. The edit is a function of the present document
    /// alone. An edit without effect writes nothing, so that version and `lastModified` stay (R7644-3.5.2.1-06).
    async fn change(
        &self,
        context: &Context<'_>,
        id: &str,
        preconditions: &Preconditions,
        selection: Selection,
        edit: &(dyn Fn(&mut Resource) -> Result<Edit> + Sync),
    ) -> Result<StoredResource> {
        for _ in 0..ATTEMPTS {
            let key = key(context, id)?;
            let mut current = self.store().get(&key, selection).await.map_err(refuse)?.ok_or(HandlerError::NotFound)?;
            if !preconditions.is_none() {
                preconditions.check(&version(current.revision))?;
            }
            let edit = edit(&mut current.document)?;
            if !edit.changes_document && edit.members.is_empty() {
                return Ok(current);
            }
            let mut update = Update::new(key, context.now.max(current.modified_at));
            update.expected = Some(current.revision);
            if edit.changes_document {
                update.unique = document::unique_keys(&context.shape.unique, &current.document);
                update.document = Some(current.document);
            }
            update.members = edit.members;
            match self.store().update(update).await {
                Ok(stored) => return stored.ok_or(HandlerError::NotFound),
                Err(error) if *error.kind() == StoreErrorKind::RevisionMismatch => {}
                Err(error) => return Err(refuse(error)),
            }
        }
        Err(HandlerError::Busy)
    }

    /// The resource as a handler returns it; loads what the projection includes and `stored` lacks.
    async fn answer(
        &self,
        context: &Context<'_>,
        mut stored: StoredResource,
        loaded: Selection,
        projection: &Projection,
    ) -> Result<Resource> {
        let has_members = !context.shape.members.is_empty();
        if has_members && loaded == Selection::WithoutMembers && selection(context, projection) == Selection::Whole {
            let key = key(context, &stored.id)?;
            stored = self.store().get(&key, Selection::Whole).await.map_err(refuse)?.ok_or(HandlerError::NotFound)?;
        }
        self.complete(context, stored, projection).await
    }

    /// Adds `id`, `meta` and the derived `groups` to a document.
    async fn complete(&self, context: &Context<'_>, stored: StoredResource, projection: &Projection) -> Result<Resource> {
        let groups = groups(context, projection);
        let memberships = self.memberships(context, groups, std::slice::from_ref(&stored.id)).await?.pop();
        Ok(complete(context, stored, groups, memberships.unwrap_or_default()))
    }

    /// Adds `id`, `meta` and the derived `groups` to documents; the groups of all of them are asked for at once.
    async fn complete_all(&self, context: &Context<'_>, page: Vec<StoredResource>, projection: &Projection) -> Result<Vec<Resource>> {
        let groups = groups(context, projection);
        let ids: Vec<String> = page.iter().map(|stored| stored.id.clone()).collect();
        let mut memberships = self.memberships(context, groups, &ids).await?.into_iter();
        Ok(page.into_iter().map(|stored| complete(context, stored, groups, memberships.next().unwrap_or_default())).collect())
    }

    /// The memberships of resources, if the attribute is there that shows them.
    async fn memberships(&self, context: &Context<'_>, groups: Option<&AttributeName>, ids: &[String]) -> Result<Vec<Vec<Membership>>> {
        if groups.is_none() || ids.is_empty() {
            return Ok(Vec::new());
        }
        self.store().memberships(context.tenant(), ids).await.map_err(refuse)
    }
}

/// The attribute that shows the groups of a resource, if it is answered.
fn groups<'a>(context: &Context<'a>, projection: &Projection) -> Option<&'a AttributeName> {
    context.shape.groups.as_ref().filter(|groups| projection.includes(groups.as_str()))
}

#[async_trait]
impl ResourceHandler for StoreHandler {
    async fn create(&self, context: &Context<'_>, mut body: Resource, projection: &Projection) -> Result<Resource> {
        document::add_defaults(context, &mut body);
        let resource = accept(context, &body, Operation::Create)?;
        let id = context.new_id();
        if id.is_empty() || id.to_ascii_lowercase().contains("bulkid") {
            return Err(HandlerError::internal("expected an id that is not empty and does not contain `bulkId` (R7643-3.1-07)"));
        }
        let mut new = NewResource::new(key(context, &id)?, resource, context.now);
        new.unique = document::unique_keys(&context.shape.unique, &new.document);
        new.member_attributes.clone_from(&context.shape.members);
        new.limit = context.profile.seats.filter(|_| context.resource_type.name.eq_ignore_ascii_case("User"));
        let stored = self.store().create(new).await.map_err(refuse)?;
        self.complete(context, stored, projection).await
    }

    async fn get(&self, context: &Context<'_>, id: &str, projection: &Projection) -> Result<Resource> {
        let key = key(context, id)?;
        let stored = self.store().get(&key, selection(context, projection)).await.map_err(refuse)?.ok_or(HandlerError::NotFound)?;
        self.complete(context, stored, projection).await
    }

    async fn replace(
        &self,
        context: &Context<'_>,
        id: &str,
        body: Resource,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource> {
        let attributes = &context.shape.members;
        let edit = |current: &mut Resource| {
            let desired = accept(context, &body, Operation::Replace { current })?;
            Ok(edit_to(current, desired, attributes))
        };
        let stored = self.change(context, id, preconditions, Selection::Whole, &edit).await?;
        self.answer(context, stored, Selection::WithoutMembers, projection).await
    }

    async fn patch(
        &self,
        context: &Context<'_>,
        id: &str,
        patch: PatchOp,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource> {
        let plan = patch::Plan::new(context, &patch)?;
        let stored = if let Some(members) = plan.members_alone(preconditions) {
            let mut update = Update::new(key(context, id)?, context.now);
            update.members = members.to_vec();
            self.store().update(update).await.map_err(refuse)?.ok_or(HandlerError::NotFound)?
        } else {
            let edit = |current: &mut Resource| plan.edit(context, current);
            self.change(context, id, preconditions, plan.selection, &edit).await?
        };
        context.count(plan.tolerances.iter().copied());
        self.answer(context, stored, Selection::WithoutMembers, projection).await
    }

    async fn delete(&self, context: &Context<'_>, id: &str, preconditions: &Preconditions) -> Result<()> {
        let key = key(context, id)?;
        for _ in 0..ATTEMPTS {
            let expected = if preconditions.is_none() {
                None
            } else {
                let current = self.store().get(&key, Selection::WithoutMembers).await.map_err(refuse)?.ok_or(HandlerError::NotFound)?;
                preconditions.check(&version(current.revision))?;
                Some(current.revision)
            };
            match self.store().delete(&key, expected, context.now).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(HandlerError::NotFound),
                Err(error) if *error.kind() == StoreErrorKind::RevisionMismatch => {}
                Err(error) => return Err(refuse(error)),
            }
        }
        Err(HandlerError::Busy)
    }

    async fn query(&self, context: &Context<'_>, search: &Search) -> Result<Found> {
        let filter_fault = search.filter.as_ref().and_then(|filter| first_unknown(context, filter.root()));
        if let Some(attribute) = filter_fault {
            return Err(HandlerError::of(ScimType::InvalidFilter, format!("this service cannot filter by `{attribute}`")));
        }
        if let Some(sort) = search.sort.as_ref().filter(|sort| is_unknown(context, &sort.path)) {
            let attribute = query::name_of(&sort.path);
            return Err(HandlerError::of(ScimType::InvalidValue, format!("this service cannot sort by `{attribute}`")));
        }
        let mut query = Query::new(context.tenant().clone(), context.resource_type.name.clone(), search.count);
        query.filter.clone_from(&search.filter);
        query.sort.clone_from(&search.sort);
        query.after.clone_from(&search.after);
        query.offset = search.start_index.saturating_sub(1);
        query.selection = selection(context, &search.projection);
        let page = self.store().query(&query).await.map_err(refuse)?;
        let resources = self.complete_all(context, page.resources, &search.projection).await?;
        Ok(Found { total: page.total, resources, next: page.next })
    }
}

/// A store is ready if it answers a query that finds nothing.
#[async_trait]
impl Readiness for StoreHandler {
    async fn check(&self) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.store().query(&Query::new(Tenant::default(), "User".to_owned(), 0)).await?;
        Ok(())
    }
}

/// The resource as it is stored: valid, with the profile's habits, without what is derived or secret.
fn accept(context: &Context<'_>, body: &Resource, operation: Operation<'_>) -> Result<Resource> {
    let mut resource = context.accept(body, operation)?;
    document::refuse_secrets(context, &resource)?;
    document::settle(context, &mut resource)?;
    Ok(resource)
}

/// Makes a document another one.
fn edit_to(current: &mut Resource, desired: Resource, attributes: &[String]) -> Edit {
    let members = members::diff(current, &desired, attributes);
    let old = members::without_members(Cow::Borrowed(current), attributes);
    let new = members::without_members(Cow::Owned(desired), attributes);
    let changes_document = !old.as_complex().is_equivalent(new.as_complex());
    if changes_document {
        *current = new.into_owned();
    }
    Edit { changes_document, members }
}

/// Members are loaded only when they are answered.
fn selection(context: &Context<'_>, projection: &Projection) -> Selection {
    let attributes = &context.shape.members;
    let is_whole = attributes.is_empty() || attributes.iter().any(|attribute| projection.includes(attribute));
    if is_whole { Selection::Whole } else { Selection::WithoutMembers }
}

fn key(context: &Context<'_>, id: &str) -> Result<ResourceKey> {
    // No store keeps an id with U+0000, and databases refuse to look for one.
    if id.contains('\0') {
        return Err(HandlerError::NotFound);
    }
    Ok(ResourceKey::new(context.tenant().clone(), context.resource_type.name.as_str(), id))
}

fn version(revision: Revision) -> Version {
    Version::new(&revision.0.to_string())
}

/// The document with `id`, `meta` and groups.
fn complete(context: &Context<'_>, stored: StoredResource, groups: Option<&AttributeName>, memberships: Vec<Membership>) -> Resource {
    let meta = [
        ("created", stored.created_at.to_string()),
        ("lastModified", stored.modified_at.to_string()),
        ("version", version(stored.revision).to_tag()),
    ];
    let meta = meta.into_iter().map(|(name, text)| (MemberName::from(name), Value::String(text)));
    let mut schemas = Value::Null;
    let mut rest = Vec::with_capacity(stored.document.as_complex().len() + 4);
    rest.push((MemberName::from("id"), Value::from(stored.id)));
    for (name, value) in stored.document.into_complex().into_members() {
        if name == *"schemas" {
            schemas = value;
        } else if name != *"id" && name != *"meta" {
            rest.push((name, value));
        }
    }
    rest.push((MemberName::from("meta"), Value::Complex(ComplexValue::from_distinct(meta.collect()))));
    rest.insert(0, (MemberName::from("schemas"), schemas));
    // The names differ: what could stand there was left out.
    let mut resource = Resource::from(ComplexValue::from_distinct(rest));
    if let Some(groups) = groups.filter(|_| !memberships.is_empty()) {
        resource.insert(groups, memberships.into_iter().map(|membership| group(context, membership)).collect::<Vec<Value>>());
    }
    resource
}

/// R7643-4.1.2-08, R7643-4.1.2-09.
fn group(context: &Context<'_>, membership: Membership) -> Value {
    let mut element = ComplexValue::new();
    element.insert("value", membership.id.as_str());
    if let Some(resource_type) = context.catalog.resource_type(&membership.resource_type) {
        element.insert("$ref", context.location(resource_type, &membership.id));
    }
    if let Some(display) = membership.display {
        element.insert("display", display);
    }
    element.insert("type", if membership.is_direct { "direct" } else { "indirect" });
    Value::Complex(element)
}

/// The first attribute of a filter that the store does not keep, so that it would be taken as one without value.
fn first_unknown(context: &Context<'_>, node: &Node) -> Option<String> {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().find_map(|node| first_unknown(context, node)),
        Node::Not(inner) => first_unknown(context, inner),
        Node::Present(path) | Node::Compare { path, .. } | Node::Element { path, .. } => {
            is_unknown(context, path).then(|| query::name_of(path))
        }
        Node::Constant(_) => None,
    }
}

fn is_unknown(context: &Context<'_>, path: &ResolvedPath) -> bool {
    if path.extension.is_some() {
        return false;
    }
    let is_sub = |name: &str| path.sub_attribute.as_ref().is_some_and(|sub_attribute| *sub_attribute == *name);
    let is_groups = context.shape.groups.as_ref().is_some_and(|groups| *groups == path.attribute);
    is_groups || (path.attribute == *"meta" && (is_sub("location") || is_sub("version")))
}

/// What a store's error means for the request.
fn refuse(error: StoreError) -> HandlerError {
    match error.kind() {
        StoreErrorKind::NotUnique { attribute } => {
            HandlerError::of(ScimType::Uniqueness, format!("the value of `{attribute}` is in use by another resource"))
        }
        StoreErrorKind::Full { .. } => HandlerError::Refused(ErrorResponse::new(403, "License limit has been reached.")),
        StoreErrorKind::NulCharacter { attribute } => {
            HandlerError::of(ScimType::InvalidValue, format!("`{attribute}` holds the character U+0000"))
        }
        _ => HandlerError::internal(error),
    }
}
