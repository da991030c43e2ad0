//! Reading the service back and comparing it with what it must hold.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use scimkit_client::{Client, ClientError, PageSize};
use scimkit_provisioning::{ErrorCode, LinkedObject, Unprovisioned};
use scimkit_types::{ComplexValue, Profile, Resource, SearchRequest, Value};
use serde::Deserialize;

/// What the service must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expected {
    /// The users, with `userName`s in the place of ids.
    pub users: Vec<Resource>,
    /// The groups, with names in the place of ids.
    #[serde(default)]
    pub groups: Vec<Resource>,
    /// The people of the directory who must not be there.
    pub not_provisioned: Vec<NotProvisioned>,
}

/// A person of the directory who must not be in the service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NotProvisioned {
    /// The id in the directory.
    pub id: String,
    /// The name by which people know them.
    pub user_principal_name: String,
    /// Why.
    pub reason: String,
}

impl Expected {
    /// What a job wrote, for a directory whose content nobody has reviewed.
    pub(crate) fn from_links(linked: &[LinkedObject], unprovisioned: &[Unprovisioned], profile: &Profile) -> Self {
        let mut names = BTreeMap::new();
        for object in linked {
            let name = text(&object.exported, "userName").or_else(|| text(&object.exported, "displayName"));
            names.insert(object.target_id.clone(), name.unwrap_or_default().to_owned());
        }
        let mut expected = Self::default();
        for object in linked {
            let resource = with_references(object, &names, profile);
            if object.object_type == "Group" { expected.groups.push(resource) } else { expected.users.push(resource) }
        }
        let people = unprovisioned.iter().filter(|object| object.object_type == "User");
        expected.not_provisioned = people
            .map(|object| NotProvisioned {
                id: object.source_id.clone(),
                user_principal_name: object.name.clone().unwrap_or_else(|| object.source_id.clone()),
                reason: reason(object.code).to_owned(),
            })
            .collect();
        expected
    }
}

/// What was written, with names in the place of ids, and as the service shows it.
fn with_references(object: &LinkedObject, names: &BTreeMap<String, String>, profile: &Profile) -> Resource {
    let mut resource = object.exported.clone();
    if let Some(Value::List(addresses)) = resource.get_mut("addresses") {
        for country in addresses.iter_mut().filter_map(Value::as_complex_mut).filter_map(|address| address.get_mut("country")) {
            if let Value::String(text) = country {
                *text = profile.echo("addresses.country", text).to_owned();
            }
        }
    }
    let name = |id: &String| Value::from(names.get(id).cloned().unwrap_or_default());
    for (path, target_ids) in &object.references {
        match path.rsplit_once(':') {
            Some((uri, attribute)) => {
                let Some(id) = target_ids.first() else { continue };
                let manager: ComplexValue = [("value", name(id))].into_iter().collect();
                if let Value::Null = resource.as_complex_mut().entry(uri) {
                    resource.insert(uri, ComplexValue::new());
                }
                if let Some(extension) = resource.get_mut(uri).and_then(Value::as_complex_mut) {
                    extension.insert(attribute, manager);
                }
            }
            None => {
                resource.insert(path.as_str(), Value::List(target_ids.iter().map(name).collect()));
            }
        }
    }
    resource
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// How many users the service has.
    pub users: usize,
    /// How many groups the service has.
    pub groups: usize,
    /// Each difference in a line.
    pub differences: Vec<String>,
}

/// The content of the service, with names in the place of ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    users: BTreeMap<String, Resource>,
    groups: BTreeMap<String, Resource>,
    /// Names that occur more than once.
    repeated: Vec<String>,
}

impl Content {
    /// Reads everything back over SCIM.
    pub(crate) async fn read(client: &Client, has_groups: bool, page_size: PageSize) -> Result<Self, ClientError> {
        let users = read_all(client, "/Users", page_size).await?;
        let groups = if has_groups { read_all(client, "/Groups", page_size).await? } else { Vec::new() };
        let mut names = BTreeMap::new();
        for (resource, name) in users.iter().map(|user| (user, "userName")).chain(groups.iter().map(|group| (group, "displayName"))) {
            if let (Some(id), Some(name)) = (resource.id(), text(resource, name)) {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
        let mut content = Self::default();
        content.users = content.keyed(users, "userName", &names);
        content.groups = content.keyed(groups, "displayName", &names);
        Ok(content)
    }

    fn keyed(&mut self, resources: Vec<Resource>, key: &str, names: &BTreeMap<String, String>) -> BTreeMap<String, Resource> {
        let mut keyed = BTreeMap::new();
        for resource in resources {
            let name = text(&resource, key).unwrap_or_default().to_lowercase();
            if keyed.insert(name.clone(), without_ids(&resource, names)).is_some() {
                self.repeated.push(name);
            }
        }
        keyed
    }

    /// Holds the content against what it must be.
    pub(crate) fn compare(&self, expected: &Expected) -> Comparison {
        let mut differences: Vec<String> = self.repeated.iter().map(|name| format!("`{name}` is there more than once")).collect();
        differences.extend(differences_of("user", &self.users, &by_name(&expected.users, "userName")));
        differences.extend(differences_of("group", &self.groups, &by_name(&expected.groups, "displayName")));
        Comparison { users: self.users.len(), groups: self.groups.len(), differences }
    }
}

async fn read_all(client: &Client, endpoint: &str, page_size: PageSize) -> Result<Vec<Resource>, ClientError> {
    client.query_all(endpoint, &SearchRequest::default(), page_size).try_collect().await
}

fn text<'a>(resource: &'a Resource, name: &str) -> Option<&'a str> {
    resource.get(name).and_then(Value::as_str)
}

fn by_name(resources: &[Resource], key: &str) -> BTreeMap<String, Resource> {
    resources.iter().map(|resource| (text(resource, key).unwrap_or_default().to_lowercase(), comparable(resource))).collect()
}

/// What is compared of a resource: not what the service alone decides.
fn comparable(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    for name in ["id", "meta", "schemas", "groups"] {
        resource.remove(name);
    }
    resource
}

fn without_ids(resource: &Resource, names: &BTreeMap<String, String>) -> Resource {
    let mut resource = comparable(resource);
    if let Some(Value::Complex(extension)) = resource.get_mut(scimkit_types::schema::ENTERPRISE_USER)
        && let Some(Value::Complex(manager)) = extension.get_mut("manager")
    {
        *manager = only_name(manager, names);
    }
    if let Some(Value::List(members)) = resource.get_mut("members") {
        for member in members {
            if let Value::Complex(complex) = member {
                *member = only_name(complex, names).get("value").cloned().unwrap_or_default();
            }
        }
    }
    resource
}

fn only_name(reference: &ComplexValue, names: &BTreeMap<String, String>) -> ComplexValue {
    let id = reference.get("value").and_then(Value::as_str).unwrap_or_default();
    let name = names.get(id).cloned().unwrap_or_else(|| format!("unknown id {id}"));
    [("value", name)].into_iter().collect()
}

fn differences_of(kind: &str, found: &BTreeMap<String, Resource>, expected: &BTreeMap<String, Resource>) -> Vec<String> {
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        match (found.get(name), expected.get(name)) {
            (Some(_), None) => differences.push(format!("{kind} `{name}` should not be there")),
            (None, Some(_)) => differences.push(format!("{kind} `{name}` is missing")),
            (Some(found), Some(expected)) => differences.extend(attribute_differences(kind, name, found, expected)),
            (None, None) => {}
        }
    }
    differences
}

fn attribute_differences(kind: &str, name: &str, found: &Resource, expected: &Resource) -> Vec<String> {
    let attributes: BTreeSet<String> =
        found.as_complex().iter().chain(expected.as_complex().iter()).map(|(attribute, _)| attribute.to_owned()).collect();
    let differing = attributes.iter().filter_map(|attribute| {
        let found = found.get(attribute).cloned().unwrap_or_default();
        let expected = expected.get(attribute).cloned().unwrap_or_default();
        (!found.is_equivalent(&expected)).then(|| {
            let show = |value: &Value| serde_json::to_string(value).unwrap_or_else(|error| error.to_string());
            format!("{kind} `{name}`: `{attribute}` is {}, expected {}", show(&found), show(&expected))
        })
    });
    differing.collect()
}

/// Why a person is not in the service, in the words of the expected content.
pub(crate) const fn reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::MissingMatchingValue | ErrorCode::MissingValues => "no mail",
        ErrorCode::DuplicateSourceEntries | ErrorCode::DuplicateTargetEntries | ErrorCode::EntryConflict => "duplicate",
        ErrorCode::NotAssigned => "not assigned",
        ErrorCode::NotInScope => "scoping filter",
        ErrorCode::Disabled => "disabled",
        ErrorCode::Deleted => "deleted",
        _ => "failed",
    }
}

/// Holds the people who are not in the service against those who must not be.
pub(crate) fn compare_unprovisioned(found: &[Unprovisioned], expected: &[NotProvisioned]) -> Vec<String> {
    let found: BTreeMap<&str, &str> =
        found.iter().filter(|object| object.object_type == "User").map(|object| (object.source_id.as_str(), reason(object.code))).collect();
    let expected: BTreeMap<&str, &str> = expected.iter().map(|person| (person.id.as_str(), person.reason.as_str())).collect();
    let ids: BTreeSet<&&str> = found.keys().chain(expected.keys()).collect();
    let differing = ids.into_iter().filter_map(|id| match (found.get(*id), expected.get(*id)) {
        (Some(found), Some(expected)) if found == expected => None,
        (found, expected) => Some(format!(
            "not provisioned `{id}`: {}, expected {}",
            found.copied().unwrap_or("is provisioned"),
            expected.copied().unwrap_or("to be provisioned"),
        )),
    });
    differing.collect()
}
