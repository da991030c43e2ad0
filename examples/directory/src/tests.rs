//! What the generated pages hold.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn page(file: &File) -> Value {
    serde_json::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path))
}

fn pages(directory: &Directory, prefix: &str) -> Vec<Value> {
    directory.files().iter().filter(|file| file.path.starts_with(prefix)).map(page).collect()
}

fn objects(directory: &Directory, prefix: &str) -> Vec<Value> {
    pages(directory, prefix).iter().flat_map(|page| page["value"].as_array().unwrap().clone()).collect()
}

fn sizes() -> Vec<Options> {
    [(20, 3), (100, 5), (500, 20), (2_500, 45)].map(|(people, groups)| Options { people, groups, ..Options::default() }).into()
}

#[test]
fn same_options_give_same_bytes() {
    assert_eq!(generate(&Options::default()), generate(&Options::default()));
    assert_ne!(generate(&Options::default()), generate(&Options { seed: 1, ..Options::default() }));
}

#[test]
fn every_size_has_as_many_people_and_groups_as_asked() {
    for options in sizes() {
        let directory = generate(&options);
        let ids = |prefix: &str| objects(&directory, prefix).iter().map(|object| object["id"].to_string()).collect::<BTreeSet<_>>().len();
        assert_eq!(ids("initial/users"), options.people);
        assert_eq!(ids("initial/groups"), options.groups);
    }
}

#[test]
fn every_link_is_unique_and_only_the_last_page_ends_the_round() {
    for options in sizes() {
        let directory = generate(&options);
        let mut links = BTreeSet::new();
        for prefix in ["initial/users", "initial/groups", "next-day/users", "next-day/groups"] {
            let pages = pages(&directory, prefix);
            for (index, page) in pages.iter().enumerate() {
                let (present, absent) = if index + 1 == pages.len() {
                    ("@odata.deltaLink", "@odata.nextLink")
                } else {
                    ("@odata.nextLink", "@odata.deltaLink")
                };
                assert!(links.insert(page[present].as_str().unwrap().to_owned()), "{prefix} {index}");
                assert!(page.get(absent).is_none(), "{prefix} {index}");
            }
        }
    }
}

#[test]
fn addresses_are_unique_but_for_the_shared_ones() {
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    let directory = generate(&Options::default());
    for user in objects(&directory, "initial/users").iter().filter(|user| user.get("userPrincipalName").is_some()) {
        assert!(names.insert(user["userPrincipalName"].as_str().unwrap().to_lowercase()));
        if let Some(mail) = user["mail"].as_str() {
            assert!(mail.ends_with("@example.org") || mail.to_lowercase().ends_with("@example.com"));
            *mails.entry(mail.to_lowercase()).or_default() += 1;
        }
    }
    assert_eq!(mails.values().filter(|count| **count == 2).count(), 2);
    assert_eq!(mails.values().max(), Some(&2));
}

#[test]
fn hard_cases_of_the_first_day_are_there() {
    let directory = generate(&Options::default());
    let users: Vec<Value> =
        objects(&directory, "initial/users").into_iter().filter(|user| user.get("userPrincipalName").is_some()).collect();
    let count = |holds: &dyn Fn(&Value) -> bool| users.iter().filter(|user| holds(user)).count();
    assert_eq!(count(&|user| user["mail"].is_null()), 4);
    assert_eq!(count(&|user| user["accountEnabled"] == false), 6);
    assert_eq!(count(&|user| user["employeeId"].is_null()), 5);
    assert_eq!(count(&|user| user["userPrincipalName"].as_str().unwrap().contains("#EXT#") && user["userType"] == "Guest"), 5);
    assert!(count(&|user| user.get("state").is_some_and(Value::is_null)) > 0, "null");
    assert!(count(&|user| user.get("state").is_none()) > 0, "absent");
    for special in ['"', '\'', '\\', '\u{5d3}', '\u{64a}', '\u{30a}', 'ß', 'ı'] {
        assert!(count(&|user| user["displayName"].as_str().unwrap().contains(special)) > 0, "{special}");
    }
    assert!(pages(&directory, "initial/users").iter().any(|page| page["value"].as_array().unwrap().is_empty()));
}

#[test]
fn large_group_is_split_over_pages_and_holds_groups() {
    let directory = generate(&Options::default());
    let entries: Vec<Value> =
        objects(&directory, "initial/groups").into_iter().filter(|group| group["displayName"] == "All Staff").collect();
    assert!(entries.len() > 1);
    let members: Vec<&Value> = entries.iter().flat_map(|entry| entry["members@delta"].as_array().unwrap()).collect();
    assert_eq!(members.iter().filter(|member| member["@odata.type"] == "#microsoft.graph.group").count(), 2);
    let known: BTreeSet<String> = objects(&directory, "initial/users").iter().map(|user| user["id"].to_string()).collect();
    let users = members.iter().filter(|member| member["@odata.type"] == "#microsoft.graph.user");
    assert_eq!(users.filter(|member| !known.contains(&member["id"].to_string())).count(), 1, "one who joins later");
}

#[test]
fn next_day_has_the_changes_that_are_promised() {
    let directory = generate(&Options::default());
    let known: BTreeSet<String> = objects(&directory, "initial/users").iter().map(|user| user["id"].to_string()).collect();
    let users = objects(&directory, "next-day/users");
    let joiners: BTreeSet<String> = users.iter().map(|user| user["id"].to_string()).filter(|id| !known.contains(id)).collect();
    assert_eq!(joiners.len(), 6);
    let count = |holds: &dyn Fn(&Value) -> bool| users.iter().filter(|user| holds(user)).count();
    assert_eq!(count(&|user| user["accountEnabled"] == false), 5);
    assert_eq!(count(&|user| user["@removed"]["reason"] == "changed"), 1);
    assert_eq!(count(&|user| user["@removed"]["reason"] == "deleted"), 1);
    assert_eq!(count(&|user| user.get("jobTitle").is_some_and(Value::is_null)), 1);
    assert_eq!(count(&|user| user["manager@delta"].as_array().is_some_and(|managers| managers.len() == 2)), 1);
    let groups = objects(&directory, "next-day/groups");
    assert_eq!(groups.iter().filter(|group| group.get("displayName").is_some()).count(), 1);
    assert!(groups.iter().filter_map(|group| group["members@delta"].as_array()).flatten().any(|member| member.get("@removed").is_some()));
}

#[test]
fn assignments_name_groups_and_people_of_one_service_principal() {
    for options in sizes() {
        let directory = generate(&options);
        for round in ["initial", "next-day"] {
            let assigned = objects(&directory, &format!("{round}/assignments"));
            assert!(assigned.iter().any(|assignment| assignment["principalType"] == "Group"));
            assert!(assigned.iter().all(|assignment| assignment["resourceId"] == directory.service_principal_id()));
        }
    }
}
