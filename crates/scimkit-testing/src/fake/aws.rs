//! What AWS IAM Identity Center takes and refuses.

use async_trait::async_trait;
use scimkit_filter::{CompareOperator, Node};
use scimkit_server::{Context, Found, HandlerError, Preconditions, ResourceHandler, Result, Search, StoreHandler};
use scimkit_types::profile::Profile;
use scimkit_types::{
    Attribute, Catalog, Dialect, OperationKind, PatchOp, PatchOperation, Projection, Resource, ScimType, Tolerance, Uniqueness, Value,
};

/// How many membership changes a request may have.
const MEMBERS: u64 = 100;

/// The user attributes of which there is one value.
const SINGLE: [&str; 3] = ["emails", "phoneNumbers", "addresses"];

/// The profile of a service like AWS IAM Identity Center: a path for each operation, pages of 100, at most 100 membership changes in a
/// request, filters by the name, by `externalId`, by `id` with the manager or a member; no sorting, no entity tags, no bulk requests.
/// A user needs `userName`, `displayName`, `name.givenName` and `name.familyName`; names of groups are unique. It has no rate limits, as
/// none are published; a test sets [`Profile::limits`].
pub fn aws_profile() -> Profile {
    let catalog = Catalog::standard();
    let mut profile = Profile::standard();
    profile.name = "aws".to_owned();
    // The id of the group may stand beside its new name.
    profile.dialect = Dialect::AWS.with(Tolerance::IgnoreReadOnly);
    profile.schemas = catalog.schemas().to_vec();
    profile.resource_types = catalog.resource_types().to_vec();
    for schema in &mut profile.schemas {
        if schema.id == *scimkit_types::schema::GROUP {
            if let Some(name) = find(&mut schema.attributes, "displayName") {
                (name.is_required, name.uniqueness) = (true, Uniqueness::Server);
            }
        } else if schema.id == *scimkit_types::schema::USER {
            require(&mut schema.attributes, "displayName");
            require(&mut schema.attributes, "name");
            if let Some(name) = find(&mut schema.attributes, "name") {
                require(&mut name.sub_attributes, "givenName");
                require(&mut name.sub_attributes, "familyName");
            }
        }
    }
    profile.features.sort = false;
    profile.features.etag = false;
    profile.features.change_password = false;
    (profile.paging.default_count, profile.paging.max_count) = (100, 100);
    let filterable = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    profile.filterable.insert("User".to_owned(), filterable(&["userName", "externalId", "id", "manager", "manager.value", "groups.value"]));
    profile.filterable.insert("Group".to_owned(), filterable(&["displayName", "externalId", "id", "members", "members.value"]));
    profile.limits.max_members = Some(MEMBERS);
    profile
}

fn find<'a>(attributes: &'a mut [Attribute], name: &str) -> Option<&'a mut Attribute> {
    attributes.iter_mut().find(|attribute| attribute.name == *name)
}

fn require(attributes: &mut [Attribute], name: &str) {
    if let Some(attribute) = find(attributes, name) {
        attribute.is_required = true;
    }
}

/// Refuses what the service refuses, and never shows the members of a group.
#[derive(Debug)]
pub(super) struct AwsHandler(pub(super) StoreHandler);

fn refuse<T>(scim_type: ScimType, detail: &str) -> Result<T> {
    Err(HandlerError::of(scim_type, detail))
}

fn is_group(context: &Context<'_>) -> bool {
    context.resource_type.name == *"Group"
}

/// Without the members, which are known only to whoever asks for one of them by a filter.
fn shown(mut resource: Resource) -> Resource {
    resource.remove("members");
    resource
}

fn check_members(context: &Context<'_>, changes: usize) -> Result<()> {
    let is_too_many = context.limits.max_members.is_some_and(|most| u64::try_from(changes).is_ok_and(|changes| changes > most));
    if is_too_many { refuse(ScimType::InvalidValue, "expected fewer membership changes in a request") } else { Ok(()) }
}

/// How many memberships an operation changes.
fn membership_changes(operation: &PatchOperation) -> usize {
    if !targets(operation).iter().any(|name| name.eq_ignore_ascii_case("members")) {
        return 0;
    }
    match (&operation.path, &operation.value) {
        (None, Some(Value::Complex(value))) => value.get("members").map(Value::elements).unwrap_or_default().len(),
        (_, Some(value)) => value.elements().len(),
        (_, None) => 1,
    }
}

fn check_body(context: &Context<'_>, body: &Resource) -> Result<()> {
    if is_group(context) {
        return check_members(context, body.get("members").map(Value::elements).unwrap_or_default().len());
    }
    let many = SINGLE.into_iter().find(|name| body.get(name).is_some_and(|value| value.elements().len() > 1));
    if many.is_some() { refuse(ScimType::InvalidValue, "expected one value, as several are not supported") } else { Ok(()) }
}

/// What an operation is about: its path, or the names in its value.
fn targets(operation: &PatchOperation) -> Vec<&str> {
    match (&operation.path, &operation.value) {
        (Some(path), _) => vec![path.split(['[', '.']).next().unwrap_or_default()],
        (None, Some(Value::Complex(value))) => value.iter().map(|(name, _)| name).filter(|name| !name.eq_ignore_ascii_case("id")).collect(),
        (None, _) => Vec::new(),
    }
}

fn check_operation(context: &Context<'_>, operation: &PatchOperation) -> Result<()> {
    let targets = targets(operation);
    if operation.path.is_none() && targets.len() > 1 {
        return refuse(ScimType::InvalidSyntax, "expected a path where more than one attribute changes");
    }
    if !is_group(context) {
        let is_fixed = targets.iter().any(|name| name.eq_ignore_ascii_case("userName") || name.eq_ignore_ascii_case("active"));
        if is_fixed && operation.kind == OperationKind::Remove {
            return refuse(ScimType::InvalidValue, "expected no removal of `userName` or `active`");
        }
        let is_single = targets.iter().any(|name| SINGLE.iter().any(|single| name.eq_ignore_ascii_case(single)));
        let has_many = match &operation.value {
            Some(Value::Complex(value)) if operation.path.is_none() => value.iter().any(|(_, value)| value.elements().len() > 1),
            Some(value) => value.elements().len() > 1,
            None => false,
        };
        return if is_single && has_many {
            refuse(ScimType::InvalidValue, "expected one value, as several are not supported")
        } else {
            Ok(())
        };
    }
    let allowed = ["displayName", "members", "externalId"];
    if !targets.iter().all(|name| allowed.iter().any(|allowed| name.eq_ignore_ascii_case(allowed))) {
        return refuse(ScimType::InvalidPath, "expected `displayName`, `members` or `externalId`");
    }
    let is_members = targets.iter().any(|name| name.eq_ignore_ascii_case("members"));
    let is_whole = operation.path.as_ref().is_none_or(|path| !path.contains('['));
    let names_some = operation.value.as_ref().is_some_and(|value| !value.is_unassigned());
    let is_everything = match operation.kind {
        OperationKind::Replace => is_whole,
        OperationKind::Remove => is_whole && !names_some,
        OperationKind::Add => false,
    };
    if is_members && is_everything {
        return refuse(ScimType::InvalidValue, "expected membership changes, as all members at once cannot be replaced or removed");
    }
    Ok(())
}

/// Whether a filter is made of `eq` and `and` alone. A tree is as deep as the limit of filters lets it be.
fn is_supported(node: &Node) -> bool {
    match node {
        Node::And(nodes) => nodes.iter().all(is_supported),
        Node::Compare { operator, .. } => *operator == CompareOperator::Equal,
        Node::Element { filter, .. } => is_supported(filter),
        Node::Or(_) | Node::Not(_) | Node::Present(_) | Node::Constant(_) => false,
    }
}

#[async_trait]
impl ResourceHandler for AwsHandler {
    async fn create(&self, context: &Context<'_>, body: Resource, projection: &Projection) -> Result<Resource> {
        check_body(context, &body)?;
        self.0.create(context, body, projection).await.map(shown)
    }

    async fn get(&self, context: &Context<'_>, id: &str, projection: &Projection) -> Result<Resource> {
        self.0.get(context, id, projection).await.map(shown)
    }

    async fn replace(
        &self,
        context: &Context<'_>,
        id: &str,
        body: Resource,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource> {
        if is_group(context) {
            return refuse(ScimType::InvalidSyntax, "expected PATCH, as groups cannot be replaced");
        }
        check_body(context, &body)?;
        self.0.replace(context, id, body, preconditions, projection).await.map(shown)
    }

    async fn patch(
        &self,
        context: &Context<'_>,
        id: &str,
        patch: PatchOp,
        preconditions: &Preconditions,
        projection: &Projection,
    ) -> Result<Resource> {
        for operation in &patch.operations {
            check_operation(context, operation)?;
        }
        if is_group(context) {
            check_members(context, patch.operations.iter().map(membership_changes).sum())?;
        }
        self.0.patch(context, id, patch, preconditions, projection).await.map(shown)
    }

    async fn delete(&self, context: &Context<'_>, id: &str, preconditions: &Preconditions) -> Result<()> {
        self.0.delete(context, id, preconditions).await
    }

    async fn query(&self, context: &Context<'_>, search: &Search) -> Result<Found> {
        if search.filter.as_ref().is_some_and(|filter| !is_supported(filter.root())) {
            return refuse(ScimType::InvalidFilter, "expected comparisons by `eq`, joined by `and`");
        }
        // The index of the first result is not supported: it is not looked at.
        let mut search = search.clone();
        search.start_index = 1;
        let mut found = self.0.query(context, &search).await?;
        found.resources = found.resources.into_iter().map(shown).collect();
        Ok(found)
    }
}
