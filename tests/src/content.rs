//! What a service and a job's state hold, so that two runs can be compared whose ids differ.

use std::collections::BTreeMap;

use scimkit_store::{JobId, Query, ResourceStore, StateStore, Table, Tenant};
use scimkit_types::{ComplexValue, Resource, Value, schema};

/// What a service holds, with names in the place of ids and without what the service alone decides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// The users and groups as JSON, each with its kind and name, in order.
    pub resources: Vec<(String, serde_json::Value)>,
}

impl Content {
    /// The content of a service's store.
    pub async fn of(store: &dyn ResourceStore) -> Self {
        let mut resources = Vec::new();
        for resource_type in ["User", "Group"] {
            for stored in all(store, resource_type).await {
                let mut document = stored.document;
                document.insert("id", stored.id);
                resources.push(document);
            }
        }
        Self::from_resources(&resources)
    }

    /// The content of these resources.
    pub fn from_resources(resources: &[Resource]) -> Self {
        let names: BTreeMap<&str, &str> = resources.iter().filter_map(|resource| Some((resource.id()?, name(resource)))).collect();
        let mut resources: Vec<(String, serde_json::Value)> = resources
            .iter()
            .map(|resource| {
                let kind = if resource.get("userName").is_some() { "user" } else { "group" };
                let named = format!("{kind} {}", name(resource).to_lowercase());
                (named, serde_json::to_value(comparable(resource, &names)).unwrap())
            })
            .collect();
        resources.sort_by(|left, right| (&left.0, left.1.to_string()).cmp(&(&right.0, right.1.to_string())));
        Self { resources }
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.resources.iter().filter(|(name, _)| name.starts_with("user ")).count()
    }

    /// Fails with the first differences, if there are any.
    #[track_caller]
    pub fn assert_is(&self, expected: &Self, when: &str) {
        let missing = expected.resources.iter().filter(|resource| !self.resources.contains(resource)).map(|wanted| ("-", wanted));
        let surplus = self.resources.iter().filter(|resource| !expected.resources.contains(resource)).map(|found| ("+", found));
        let differences: Vec<String> =
            missing.chain(surplus).take(6).map(|(sign, (name, value))| format!("{sign} {name}: {value}")).collect();
        assert!(self == expected, "{when}:\n{}", differences.join("\n"));
    }
}

fn name(resource: &Resource) -> &str {
    resource.get("userName").or_else(|| resource.get("displayName")).and_then(Value::as_str).unwrap_or_default()
}

/// A resource without id, meta and schemas, and with names in the place of the ids of members and managers.
fn comparable(resource: &Resource, names: &BTreeMap<&str, &str>) -> Resource {
    let mut resource = resource.clone();
    for attribute in ["id", "meta", "schemas", "groups"] {
        resource.remove(attribute);
    }
    let renamed = |value: &Value| {
        let id = value.as_complex().and_then(|reference| reference.get("value")).unwrap_or(value).as_str().unwrap_or_default();
        names.get(id).copied().unwrap_or(id).to_owned()
    };
    if let Some(Value::Complex(enterprise)) = resource.get_mut(schema::ENTERPRISE_USER)
        && let Some(manager) = enterprise.get_mut("manager")
    {
        *manager = Value::Complex([("value", renamed(manager))].into_iter().collect::<ComplexValue>());
    }
    if let Some(Value::List(members)) = resource.get_mut("members") {
        let mut renamed: Vec<String> = members.iter().map(renamed).collect();
        renamed.sort_unstable();
        *members = renamed.into_iter().map(Value::from).collect();
    }
    resource
}

async fn all(store: &dyn ResourceStore, resource_type: &str) -> Vec<scimkit_store::StoredResource> {
    let query = Query::new(Tenant::default(), resource_type.to_owned(), 1_000_000);
    store.query(&query).await.unwrap().resources
}

/// Everything that a job's state holds, with names in the place of the service's ids, and without what a start more or less changes.
pub async fn dump(state: &dyn StateStore, job: &JobId, store: &dyn ResourceStore) -> Vec<String> {
    let mut names = Vec::new();
    for resource_type in ["User", "Group"] {
        for stored in all(store, resource_type).await {
            names.push((stored.id.clone(), name(&stored.document).to_owned()));
        }
    }
    let mut lines = Vec::new();
    for table in Table::ALL {
        for (key, value) in state.scan(job, table, "", None, 1_000_000).await.unwrap() {
            // When cycles began and ended is another thing for a worker that was killed.
            if (table, key.as_str()) == (Table::Job, "status") {
                continue;
            }
            let mut line = format!("{} {key}: {value}", table.name());
            for (id, name) in &names {
                if line.contains(id.as_str()) {
                    line = line.replace(id.as_str(), &format!("<{name}>"));
                }
            }
            lines.push(settled(&line));
        }
    }
    lines.sort_unstable();
    lines
}

/// A line without what may differ: instants, the order of references, which is that of the service's ids, and the number of cycles, as a
/// worker that is killed right after a cycle's last write begins another one.
fn settled(line: &str) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(value) else { return line.to_owned() };
    if let Some(record) = value.as_object_mut() {
        record.remove("firstFailedAt");
        record.remove("nextAttemptAt");
        if key == "job job" {
            record.remove("cycles");
        }
        let references = record.get_mut("references").and_then(serde_json::Value::as_object_mut);
        for ids in references.into_iter().flat_map(|references| references.values_mut()).filter_map(serde_json::Value::as_array_mut) {
            ids.sort_by_key(ToString::to_string);
        }
    }
    format!("{key}: {value}")
}
