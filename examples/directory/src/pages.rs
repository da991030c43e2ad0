//! The shape in which Microsoft Graph answers.

use serde_json::{Map, Value, json};

use crate::company::{Company, Group, Member, Person, Role};
use crate::random::Random;

const BASE: &str = "https://graph.microsoft.com/v1.0";
/// Members that one entry of a group has at most; a larger group is told in several entries.
const MEMBERS_OF_ENTRY: usize = 120;
/// Entries that a page of groups has at most.
const GROUPS_OF_PAGE: usize = 8;
/// Assignments that a page has at most.
const ASSIGNMENTS_OF_PAGE: usize = 100;

/// A file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Where it stands below the directory's folder, such as `initial/users-0001.json`.
    pub path: String,
    /// Its JSON.
    pub text: String,
}

impl File {
    fn new(path: String, content: &Value) -> Self {
        Self { path, text: format!("{content:#}\n") }
    }
}

/// A group or what changed about it, with members that came or went.
#[derive(Debug)]
pub(crate) struct GroupChange {
    pub(crate) object: Map<String, Value>,
    pub(crate) members: Vec<Value>,
}

/// A person with all properties; those without value are null or absent.
pub(crate) fn user(person: &Person, with_nulls: bool) -> Map<String, Value> {
    let object = json!({
        "id": person.id,
        "userPrincipalName": person.user_principal_name,
        "mail": person.mail,
        "givenName": person.given_name.0,
        "surname": person.surname.0,
        "displayName": person.display_name(),
        "jobTitle": person.job_title,
        "department": person.department,
        "employeeId": person.employee_id,
        "mobilePhone": person.mobile_phone,
        "streetAddress": person.street_address,
        "city": person.city,
        "state": person.state,
        "postalCode": person.postal_code,
        "country": person.country.code,
        "accountEnabled": person.is_enabled,
        "userType": if person.role == Role::Guest { "Guest" } else { "Member" },
        "mailNickname": person.mail_nickname,
        "preferredLanguage": person.country.language,
    });
    let Value::Object(mut object) = object else { return Map::new() };
    if !with_nulls {
        object.retain(|_, value| !value.is_null());
    }
    if let Some(manager) = &person.manager {
        object.insert("manager@delta".to_owned(), json!([reference("user", manager, false)]));
    }
    object
}

/// A group with all properties and members.
pub(crate) fn group(group: &Group) -> GroupChange {
    let object = json!({
        "id": group.id,
        "displayName": group.display_name,
        "description": null,
        "mailNickname": group.mail_nickname,
        "securityEnabled": group.is_security_enabled,
        "mailEnabled": !group.is_security_enabled,
        "groupTypes": if group.is_security_enabled { json!([]) } else { json!(["Unified"]) },
    });
    let Value::Object(object) = object else { return GroupChange { object: Map::new(), members: Vec::new() } };
    GroupChange { object, members: group.members.iter().map(|present| member(present, false)).collect() }
}

pub(crate) fn member(member: &Member, is_removed: bool) -> Value {
    match member {
        Member::User(id) => reference("user", id, is_removed),
        Member::Group(id) => reference("group", id, is_removed),
    }
}

pub(crate) fn reference(kind: &str, id: &str, is_removed: bool) -> Value {
    let mut reference = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": id});
    if is_removed && let Some(object) = reference.as_object_mut() {
        object.insert("@removed".to_owned(), json!({"reason": "deleted"}));
    }
    reference
}

/// The pages of users, `size` on each; with an empty page before the last one.
pub(crate) fn user_pages(round: &str, users: &[Value], size: usize, random: &mut Random) -> Vec<File> {
    let mut pages: Vec<Vec<Value>> = users.chunks(size.max(1)).map(<[Value]>::to_vec).collect();
    pages.insert(pages.len().saturating_sub(1), Vec::new());
    delta(round, "users", pages, random)
}

/// The pages of groups; a large group is told in several entries, each on a page of its own.
pub(crate) fn group_pages(round: &str, changes: Vec<GroupChange>, random: &mut Random) -> Vec<File> {
    let mut pages: Vec<Vec<Value>> = vec![Vec::new()];
    let mut room = MEMBERS_OF_ENTRY;
    for change in changes {
        let parts: Vec<&[Value]> = if change.members.is_empty() { vec![&[]] } else { change.members.chunks(MEMBERS_OF_ENTRY).collect() };
        for part in parts {
            let mut object = change.object.clone();
            if !part.is_empty() {
                object.insert("members@delta".to_owned(), json!(part));
            }
            if part.len() > room || pages.last().is_some_and(|page| page.len() == GROUPS_OF_PAGE) {
                pages.push(Vec::new());
                room = MEMBERS_OF_ENTRY;
            }
            room -= part.len();
            if let Some(page) = pages.last_mut() {
                page.push(Value::Object(object));
            }
        }
    }
    delta(round, "groups", pages, random)
}

fn delta(round: &str, kind: &str, pages: Vec<Vec<Value>>, random: &mut Random) -> Vec<File> {
    let count = pages.len();
    let file = |(index, objects): (usize, Vec<Value>)| {
        let (name, token) = if index + 1 == count { ("@odata.deltaLink", "deltatoken") } else { ("@odata.nextLink", "skiptoken") };
        let content = json!({
            "@odata.context": format!("{BASE}/$metadata#{kind}"),
            "value": objects,
            name: format!("{BASE}/{kind}/delta?${token}={}", random.token()),
        });
        File::new(format!("{round}/{kind}-{:04}.json", index + 1), &content)
    };
    pages.into_iter().enumerate().map(file).collect()
}

/// The assignments, page by page, and the service principal.
pub(crate) fn assignments(round: &str, company: &Company, random: &mut Random) -> Vec<File> {
    let resource = &company.service_principal_id;
    let mut value = Vec::new();
    let groups = company.groups.iter().filter(|group| group.is_assigned).map(|group| (&group.id, "Group", group.display_name.clone(), 0));
    let people = company.people.iter().enumerate().filter(|(_, person)| person.is_assigned);
    let people = people.map(|(index, person)| (&person.id, "User", person.display_name(), index));
    for (id, kind, name, index) in groups.chain(people) {
        // Some were assigned before the application had roles: all zeros stand for the default access.
        let role = if index % 5 == 3 { None } else { company.app_roles.get(usize::from(index % 7 == 2)) };
        value.push(json!({
            "id": random.token().get(..43),
            "principalId": id,
            "principalType": kind,
            "principalDisplayName": name,
            "resourceId": resource,
            "resourceDisplayName": "Telephone system",
            "appRoleId": role.map_or("00000000-0000-0000-0000-000000000000", |role| role.id.as_str()),
        }));
    }
    let mut files = Vec::new();
    let mut left = value.as_slice();
    for number in 1_usize.. {
        let (page, rest) = left.split_at_checked(ASSIGNMENTS_OF_PAGE).unwrap_or((left, &[]));
        left = rest;
        let mut content = Map::new();
        content.insert("@odata.context".to_owned(), json!(format!("{BASE}/$metadata#appRoleAssignments")));
        content.insert("value".to_owned(), json!(page));
        if !left.is_empty() {
            let link = format!("{BASE}/servicePrincipals/{resource}/appRoleAssignedTo?$skiptoken={}", random.token());
            content.insert("@odata.nextLink".to_owned(), json!(link));
        }
        let name = if number == 1 { "assignments.json".to_owned() } else { format!("assignments-{number:04}.json") };
        files.push(File::new(format!("{round}/{name}"), &Value::Object(content)));
        if left.is_empty() {
            break;
        }
    }
    let roles: Vec<Value> = company.app_roles.iter().map(|role| {
        json!({"allowedMemberTypes": ["User"], "description": role.display_name, "displayName": role.display_name, "id": role.id, "isEnabled": true, "value": role.value})
    }).collect();
    files.push(File::new(
        format!("{round}/service-principal.json"),
        &json!({"@odata.context": format!("{BASE}/$metadata#servicePrincipals(id,appRoles)/$entity"), "id": resource, "appRoles": roles}),
    ));
    files
}
