//! What is to be done with one object: a pure function of what is known of it.

use scimkit_filter::{Filter, resolve_path};
use scimkit_mapping::{
    AppRole, Desired, Entropy, Environment, EvaluationErrorKind, MappingSet, ObjectFlow, Operation, ScopeDecision, Trace,
};
use scimkit_patch::{Context, DiffOptions, diff};
use scimkit_types::compare::TextComparison;
use scimkit_types::{Dialect, PatchOp, Resource, Timestamp, Tolerance, Value};

use crate::code::ErrorCode;
use crate::echo::echo;
use crate::event::PropertyChange;
use crate::job::{OutOfScope, ProvisioningJob};
use crate::matching::{texts_at, usable_id};
use crate::records::{Action, Link, Presence, StoredRecord};
use crate::state::key_part;

/// What an evaluation needs besides the object.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    pub job: &'a ProvisioningJob,
    pub mapping: &'a MappingSet,
    pub now: Timestamp,
    pub app_roles: &'a [AppRole],
    pub entropy: &'a dyn Entropy,
    /// How the values of each matching attribute are compared, in their order.
    pub comparisons: Vec<TextComparison>,
}

/// How a job compares the values of the matching attributes of a mapping.
pub(crate) fn comparisons(job: &ProvisioningJob, mapping: &MappingSet) -> Vec<TextComparison> {
    let resource_type = job.catalog.resource_type(mapping.resource_type());
    let resolved = mapping
        .matching()
        .iter()
        .map(|attribute| resource_type.and_then(|resource_type| resolve_path(&attribute.filter_path, &job.catalog, resource_type).ok()));
    resolved.map(|resolved| resolved.map_or(TextComparison::CaseExact, |(path, _)| path.comparison)).collect()
}

/// What is known of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub stored: &'a StoredRecord,
    /// The roles of its assignments; `None` if it has none.
    pub roles: Option<&'a [String]>,
    pub link: Option<&'a Link>,
}

/// Why something is not done, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub code: ErrorCode,
    pub text: String,
}

impl Reason {
    pub(crate) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// What is to be done with one object.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Nothing, and that is right.
    Skip(Reason),
    /// Nothing, because it cannot be done; it is tried again later.
    Fail(Reason),
    /// It is not linked; the target must be asked whether it has the object.
    Match(Box<Desired>),
    /// This.
    Act(Box<Action>, Vec<PropertyChange>),
    /// Nothing is sent, and the object is managed from now on, or is let go.
    Manage(bool, Reason),
    /// The link is forgotten, and nothing is sent.
    Forget,
}

impl Setting<'_> {
    /// Decides on an object without asking the target.
    pub(crate) fn decide(&self, known: Known<'_>) -> Decision {
        match known.link {
            Some(link) => self.decide_linked(known, link),
            None => self.decide_unlinked(known),
        }
    }

    fn decide_unlinked(&self, known: Known<'_>) -> Decision {
        if let Err(reason) = self.standing(known) {
            return Decision::Skip(reason);
        }
        if !self.allows(ObjectFlow::Create) && !self.allows(ObjectFlow::Update) {
            return Decision::Skip(Reason::new(ErrorCode::ActionNotAllowed, "the job neither creates nor updates objects of this type"));
        }
        let desired = match self.evaluate(known, Operation::Create, false) {
            Ok(desired) => desired,
            Err(decision) => return decision,
        };
        if desired.matching.is_empty() {
            let names: Vec<&str> = self.mapping.matching().iter().map(|attribute| attribute.target.as_str()).collect();
            return Decision::Fail(Reason::new(
                ErrorCode::MissingMatchingValue,
                format!("the object has no value for the matching attribute `{}`", names.join("`, `")),
            ));
        }
        Decision::Match(Box::new(desired))
    }

    fn decide_linked(&self, known: Known<'_>, link: &Link) -> Decision {
        if known.stored.presence == Presence::Deleted {
            if !link.is_managed {
                return Decision::Forget;
            }
            if !self.allows(ObjectFlow::Delete) {
                return Decision::Skip(Reason::new(ErrorCode::ActionNotAllowed, "the job deletes no objects of this type"));
            }
            return Decision::Act(Box::new(Action::Delete { target_id: link.target_id.clone() }), Vec::new());
        }
        let standing = self.standing(known);
        let leaves_scope = matches!(&standing, Err(reason) if matches!(reason.code, ErrorCode::NotAssigned | ErrorCode::NotInScope));
        let is_soft_deleted = standing.is_err();
        if !link.is_managed && is_out(&standing) {
            return Decision::Skip(Reason::new(ErrorCode::NotInScope, "the object has left the scope before"));
        }
        if leaves_scope && self.job.out_of_scope == OutOfScope::Keep {
            let reason = Reason::new(ErrorCode::NotInScope, "the object has left the scope, and the job keeps such objects");
            return Decision::Manage(false, reason);
        }
        if leaves_scope || known.stored.presence == Presence::SoftDeleted {
            return self.decide_inactive(known, link, !leaves_scope);
        }
        let desired = match self.evaluate(known, Operation::Update, is_soft_deleted) {
            Ok(desired) => desired,
            Err(decision) => return decision,
        };
        let matching_key = desired.matching.first().map(|(index, value)| self.matching_key(*index, value));
        self.update(link, &desired, matching_key, is_soft_deleted, true)
    }

    /// Whether an object has left the scope before and is still out of it, so that nothing is done with its resource, which others may
    /// change.
    pub(crate) fn is_let_go(&self, known: Known<'_>) -> bool {
        known.link.is_some_and(|link| !link.is_managed) && is_out(&self.standing(known))
    }

    /// Decides on a linked object that is to be inactive: only what tells so flows, which is what differs from an active one. The matching
    /// value does not, so the resource keeps the one that it has.
    pub(crate) fn decide_inactive(&self, known: Known<'_>, link: &Link, is_managed: bool) -> Decision {
        let (present, inactive) = match (self.evaluate(known, Operation::Update, false), self.evaluate(known, Operation::Update, true)) {
            (Ok(present), Ok(inactive)) => (present, inactive),
            (Err(decision), _) | (_, Err(decision)) => return decision,
        };
        let mut flowing = Desired::default();
        flowing.resource = differing(&present.resource, &inactive.resource);
        if flowing.resource.as_complex().is_empty() {
            return self.without_soft_delete(link, is_managed);
        }
        flowing.redacted = inactive.redacted;
        self.update(link, &flowing, None, true, is_managed)
    }

    /// A target without an attribute that tells whether an object is active: groups are deleted, other objects stay as they are.
    fn without_soft_delete(&self, link: &Link, is_managed: bool) -> Decision {
        if self.mapping.object_type().eq_ignore_ascii_case("Group") && self.allows(ObjectFlow::Delete) {
            return Decision::Act(Box::new(Action::Delete { target_id: link.target_id.clone() }), Vec::new());
        }
        unchanged(link, is_managed, Reason::new(ErrorCode::ActionNotAllowed, "no mapping tells the service that the object is inactive"))
    }

    /// Decides on a linked object by what is to flow.
    ///
    /// INVARIANT (least touch): what was last written is compared as far as there are mappings. What a mapping that is no more has written
    /// stays.
    fn update(&self, link: &Link, desired: &Desired, matching_key: Option<String>, is_disabled: bool, is_managed: bool) -> Decision {
        let written = self.mapping.managed(&link.exported);
        let exported = self.mapping.expected_of(written.clone(), desired);
        let operations = match self.operations(&written, &exported) {
            Ok(operations) => operations,
            Err(reason) => return Decision::Fail(reason),
        };
        let is_disabled = becomes_inactive(&written, &exported).unwrap_or(is_disabled);
        let changes = property_changes(&written, &exported, &desired.redacted);
        let Some(operations) = operations else {
            let is_let_go = link.is_managed && !is_managed;
            let code = if is_let_go { ErrorCode::NotInScope } else { ErrorCode::RedundantExport };
            return unchanged(link, is_managed, Reason::new(code, "nothing changes in the target"));
        };
        if is_disabled && !self.job.actions.disable {
            return unchanged(link, is_managed, Reason::new(ErrorCode::ActionNotAllowed, "the job disables no objects"));
        }
        if !self.allows(ObjectFlow::Update) {
            return unchanged(link, is_managed, Reason::new(ErrorCode::ActionNotAllowed, "the job updates no objects of this type"));
        }
        let action = Action::Update {
            target_id: link.target_id.clone(),
            operations,
            exported,
            matching_key: matching_key.or_else(|| link.matching_key.clone()),
            is_adopted: false,
            is_disabled,
            is_managed,
            is_interim: false,
        };
        Decision::Act(Box::new(action), changes)
    }

    /// Decides on an object that the target was asked for: `found` are the resources with its first matching value that any has.
    pub(crate) fn decide_matched(&self, desired: Desired, found: &[Resource], matched: Option<usize>) -> Decision {
        let Some((first_index, first_value)) = desired.matching.first().cloned() else {
            return Decision::Fail(Reason::new(ErrorCode::MissingMatchingValue, "the object has no value for a matching attribute"));
        };
        match found {
            [] => self.create(desired, first_index, &first_value),
            [resource] => {
                let Some(target_id) = usable_id(resource) else {
                    return Decision::Fail(Reason::new(
                        ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
                        "the service answered with a resource without a usable id",
                    ));
                };
                let key = desired
                    .matching
                    .iter()
                    .find(|(index, _)| Some(*index) == matched)
                    .map_or_else(|| self.matching_key(first_index, &first_value), |(index, value)| self.matching_key(*index, value));
                self.adopt(target_id, resource, &desired, key)
            }
            several => Decision::Fail(Reason::new(
                ErrorCode::DuplicateTargetEntries,
                format!("{} resources of the service have the matching value", several.len()),
            )),
        }
    }

    fn create(&self, desired: Desired, matching_index: usize, matching_value: &str) -> Decision {
        if !self.allows(ObjectFlow::Create) {
            return Decision::Skip(Reason::new(ErrorCode::ActionNotAllowed, "the job creates no objects of this type"));
        }
        if let Some(path) = self.missing_value(&desired.resource) {
            return Decision::Fail(Reason::new(ErrorCode::MissingValues, format!("the required attribute `{path}` has no value")));
        }
        let matching_key = self.matching_key(matching_index, matching_value);
        let path = self.mapping.matching().get(matching_index).map(|attribute| attribute.filter_path.clone());
        let filter = path.map(|path| Filter::equal(path, matching_value).to_string()).unwrap_or_default();
        // What changes is the resource; see `PlannedAction::changes`.
        Decision::Act(Box::new(Action::Create { resource: desired.resource, matching_key, filter }), Vec::new())
    }

    fn adopt(&self, target_id: &str, present: &Resource, desired: &Desired, matching_key: String) -> Decision {
        let present = self.mapping.managed(present);
        let exported = self.mapping.expected_of(present.clone(), desired);
        let shown = echo(&exported, &self.job.profile);
        let operations = match self.operations(&echo(&present, &self.job.profile), &shown) {
            Ok(operations) => operations,
            Err(reason) => return Decision::Fail(reason),
        };
        let is_disabled = operations.is_some() && becomes_inactive(&present, &shown).unwrap_or(false);
        let may_change = self.allows(ObjectFlow::Update) && (!is_disabled || self.job.actions.disable);
        // What the job may not change is linked as it is.
        let (operations, exported, changes, is_disabled) = match operations {
            Some(_) if !may_change => (None, present, Vec::new(), false),
            operations => (operations, exported, property_changes(&present, &shown, &desired.redacted), is_disabled),
        };
        let action = Action::Update {
            target_id: target_id.to_owned(),
            operations: operations.unwrap_or_else(|| PatchOp::default().to_json()),
            exported,
            matching_key: Some(matching_key),
            is_adopted: true,
            is_disabled,
            is_managed: true,
            is_interim: false,
        };
        Decision::Act(Box::new(action), changes)
    }

    /// Gives the matching value of a linked object up for one in between, everywhere it stands; `None` if that cannot be done.
    pub(crate) fn decide_interim(&self, link: &Link) -> Option<(Action, Link)> {
        let held = link.matching_key.as_ref()?;
        let (index, value) = self.mapping.matching().iter().enumerate().find_map(|(index, attribute)| {
            let values = texts_at(&link.exported, &attribute.filter_path);
            values.into_iter().find(|value| self.matching_key(index, value) == *held).map(|value| (index, value.to_owned()))
        })?;
        let mut random = [0; 4];
        self.entropy.fill(&mut random);
        let between = value_between(&value, u32::from_le_bytes(random));
        let mut exported = link.exported.clone();
        for name in exported.as_complex().iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
            if let Some(found) = exported.get_mut(&name) {
                replace_text(found, &value, &between, MAX_DEPTH);
            }
        }
        let operations = self.operations(&link.exported, &exported).ok()??;
        let matching_key = Some(self.matching_key(index, &between));
        let action = Action::Update {
            target_id: link.target_id.clone(),
            operations,
            exported: exported.clone(),
            matching_key: matching_key.clone(),
            is_adopted: false,
            is_disabled: false,
            is_managed: link.is_managed,
            is_interim: true,
        };
        Some((action, Link { exported, matching_key, ..link.clone() }))
    }

    /// Whether both the job and the mapping allow an action.
    fn allows(&self, flow: ObjectFlow) -> bool {
        self.job.actions.allow(flow) && self.mapping.allows(flow)
    }

    /// Whether the object is to be there and active; if not, why.
    pub(crate) fn standing(&self, known: Known<'_>) -> Result<(), Reason> {
        if known.stored.presence != Presence::Present {
            return Err(Reason::new(ErrorCode::Deleted, "the object was deleted at the source"));
        }
        if self.job.scope == crate::job::Scope::Assigned && known.roles.is_none() {
            return Err(Reason::new(ErrorCode::NotAssigned, "the object is not assigned to the application"));
        }
        if let ScopeDecision::OutOfScope { reason } = self.mapping.scope(&known.stored.record) {
            return Err(Reason::new(ErrorCode::NotInScope, reason));
        }
        if known.stored.record.attributes.get("accountEnabled").is_some_and(is_false) {
            return Err(Reason::new(ErrorCode::Disabled, "the object is disabled at the source"));
        }
        Ok(())
    }

    fn evaluate(&self, known: Known<'_>, operation: Operation, is_soft_deleted: bool) -> Result<Desired, Decision> {
        let desired = self.desired(known, operation, is_soft_deleted).map_err(Decision::Fail)?;
        if desired.is_object_ignored {
            return Err(Decision::Skip(Reason::new(ErrorCode::ObjectIgnored, "a mapping says that the object is left alone")));
        }
        Ok(desired)
    }

    fn environment<'b>(&'b self, known: Known<'b>, is_soft_deleted: bool) -> Environment<'b> {
        let mut environment = Environment::new(self.now);
        environment.is_soft_deleted = is_soft_deleted;
        environment.app_roles = self.app_roles;
        environment.assigned_roles = known.roles.unwrap_or_default();
        environment.entropy = Some(self.entropy);
        environment
    }

    /// How each attribute comes about.
    pub(crate) fn trace(&self, known: Known<'_>, operation: Operation) -> Vec<Trace> {
        let environment = self.environment(known, self.standing(known).is_err());
        self.mapping.trace(&known.stored.record, &environment, operation)
    }

    /// The attributes and references that the mappings give.
    pub(crate) fn desired(&self, known: Known<'_>, operation: Operation, is_soft_deleted: bool) -> Result<Desired, Reason> {
        let environment = self.environment(known, is_soft_deleted);
        self.mapping.evaluate(&known.stored.record, &environment, operation).map_err(|error| {
            let is_matching = self.mapping.matching().iter().any(|attribute| Some(attribute.target.as_str()) == error.target());
            let code = match error.kind() {
                EvaluationErrorKind::Required if is_matching => ErrorCode::MissingMatchingValue,
                EvaluationErrorKind::Required => ErrorCode::MissingValues,
                _ => ErrorCode::MappingFailed,
            };
            Reason::new(code, error.to_string())
        })
    }

    /// The operations that lead from one managed part to another, as the body of a request; `None` if there are none.
    fn operations(&self, current: &Resource, desired: &Resource) -> Result<Option<Value>, Reason> {
        let Some(resource_type) = self.job.catalog.resource_type(self.mapping.resource_type()) else {
            return Err(Reason::new(ErrorCode::MappingFailed, "the service has no such resource type"));
        };
        let dialect: Dialect = self.job.profile.dialect;
        let context = Context::new(&self.job.catalog, resource_type).with_dialect(dialect);
        let options = DiffOptions::default().with_can_replace_lists(false).with_is_path_required(dialect.allows(Tolerance::PathRequired));
        let operations =
            diff(current, desired, &context, &options).map_err(|error| Reason::new(ErrorCode::MappingFailed, error.to_string()))?;
        Ok((!operations.is_empty()).then(|| PatchOp::new(operations).to_json()))
    }

    fn missing_value(&self, desired: &Resource) -> Option<String> {
        let resource_type = self.job.catalog.resource_type(self.mapping.resource_type())?;
        let schema = self.job.catalog.schema(resource_type.schema.as_str())?;
        let is_missing = |value: Option<&Value>| value.is_none_or(Value::is_unassigned);
        schema.attributes.iter().find_map(|attribute| {
            let value = desired.get(attribute.name.as_str());
            if attribute.is_required && is_missing(value) {
                return Some(attribute.name.to_string());
            }
            let complex = value?.as_complex()?;
            let sub = attribute.sub_attributes.iter().find(|sub| sub.is_required && is_missing(complex.get(sub.name.as_str())))?;
            Some(format!("{}.{}", attribute.name, sub.name))
        })
    }

    /// The key under which objects with this matching value are found: compared as the attribute's schema says.
    pub(crate) fn matching_key(&self, index: usize, value: &str) -> String {
        let comparison = self.comparisons.get(index).copied().unwrap_or(TextComparison::CaseExact);
        format!("{index}/{}", key_part(&comparison.key(value)))
    }
}

/// Nothing is sent. Whoever leaves the scope is let go all the same, so that a later deletion at the source is nothing to the service.
fn unchanged(link: &Link, is_managed: bool, reason: Reason) -> Decision {
    if link.is_managed == is_managed { Decision::Skip(reason) } else { Decision::Manage(is_managed, reason) }
}

/// Whether a value is false, also as a text, as expressions and files have it.
pub(crate) fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false) || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false"))
}

/// Whether a standing is out of the scope. Whoever comes back into it is managed again, also while the source has them disabled.
fn is_out(standing: &Result<(), Reason>) -> bool {
    matches!(standing, Err(reason) if reason.code != ErrorCode::Disabled)
}

/// How deep values of resources are nested at most: extension, list, element, sub-attribute.
const MAX_DEPTH: u32 = 4;

/// A value that nobody has, from one that somebody has; of an e-mail address the domain stays.
fn value_between(value: &str, random: u32) -> String {
    match value.rsplit_once('@') {
        Some((local, domain)) => format!("{local}-{random:08x}@{domain}"),
        None => format!("{value}-{random:08x}"),
    }
}

/// Replaces a text wherever it stands as a whole, without case.
fn replace_text(value: &mut Value, from: &str, to: &str, depth: u32) {
    if depth == 0 {
        return;
    }
    match value {
        Value::String(text) if text.to_lowercase() == from.to_lowercase() => to.clone_into(text),
        Value::List(elements) => elements.iter_mut().for_each(|element| replace_text(element, from, to, depth - 1)),
        Value::Complex(members) => {
            for name in members.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
                if let Some(member) = members.get_mut(&name) {
                    replace_text(member, from, to, depth - 1);
                }
            }
        }
        _ => {}
    }
}

/// Whether a change makes a resource inactive that was not before; `None` if it is not `active` that tells.
fn becomes_inactive(before: &Resource, after: &Resource) -> Option<bool> {
    let active = |resource: &Resource| resource.get("active").and_then(Value::as_bool);
    active(after).map(|is_active| !is_active && active(before) != Some(false))
}

/// The top-level attributes of `right` that are not the same in `left`.
fn differing(left: &Resource, right: &Resource) -> Resource {
    let members = right.as_complex().iter().filter(|(name, value)| left.get(name) != Some(*value));
    Resource::from(members.map(|(name, value)| (name, value.clone())).collect::<scimkit_types::ComplexValue>())
}

/// What changes from one resource to another, attribute by attribute.
pub(crate) fn property_changes(old: &Resource, new: &Resource, redacted: &[String]) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    let names = new.as_complex().iter().chain(old.as_complex().iter().filter(|(name, _)| new.get(name).is_none()));
    for (name, _) in names {
        if name.eq_ignore_ascii_case("schemas") {
            continue;
        }
        let (before, after) = (old.get(name), new.get(name));
        match (before, after) {
            (before, Some(Value::Complex(after))) => {
                let before = before.and_then(Value::as_complex);
                let separator = if name.contains(':') { ':' } else { '.' };
                for (sub, value) in after.iter() {
                    let before = before.and_then(|before| before.get(sub));
                    push_change(&mut changes, || format!("{name}{separator}{sub}"), before, Some(value), redacted);
                }
            }
            (before, after) => push_change(&mut changes, || name.to_owned(), before, after, redacted),
        }
    }
    changes
}

/// Whether a path is another one or a part of it.
fn is_within(path: &str, whole: &str) -> bool {
    let is_head = path.get(..whole.len()).is_some_and(|head| head.eq_ignore_ascii_case(whole));
    is_head && matches!(path.as_bytes().get(whole.len()), None | Some(b'.' | b':' | b'['))
}

fn push_change(
    changes: &mut Vec<PropertyChange>,
    name: impl FnOnce() -> String,
    old: Option<&Value>,
    new: Option<&Value>,
    redacted: &[String],
) {
    let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
    if old.is_equivalent(new) {
        return;
    }
    let name = name();
    let is_hidden = redacted.iter().any(|path| is_within(path, &name) || is_within(&name, path));
    let shown = |value: &Value| if is_hidden && *value != Value::Null { Value::from("[Redact]") } else { value.clone() };
    let (old, new) = (shown(old), shown(new));
    changes.push(PropertyChange::new(name, old, new));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_path_hides_its_whole_and_its_parts_and_nothing_else() {
        let new: Resource = serde_json::from_value(serde_json::json!({
            "name": {"givenName": "Ada"}, "emails": [{"type": "work", "value": "a@example.com"}], "nick": "A", "title": "Pilot",
        }))
        .unwrap();
        let redacted = ["name", "emails[type eq \"work\"].value", "nickName"].map(str::to_owned);
        let changes = property_changes(&Resource::default(), &new, &redacted);
        let shown: Vec<(&str, bool)> =
            changes.iter().map(|change| (change.name.as_str(), change.new.as_str() == Some("[Redact]"))).collect();
        assert_eq!(shown, [("emails", true), ("name.givenName", true), ("nick", false), ("title", false)]);
    }
}
