//! Directories tell what they hold, and the model tells a right target from a wrong one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use scimkit_provisioning::{Position, Source, SourceChangeKind, SourceErrorKind, SourcePage};
use scimkit_store::{Revision, StoredResource};
use scimkit_testing::clients::Attributes;
use scimkit_testing::directory::{Change, Directory, Held, Model, Person, Presence, Snapshot, changes, group, person};
use scimkit_testing::{Draw, VirtualTime};
use scimkit_types::{ComplexValue, Resource, Timestamp, Value};
use serde_json::json;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What whoever reads the directory knows of one type: attributes and references of those who are there.
type Known = BTreeMap<String, (ComplexValue, BTreeSet<(String, String)>)>;

fn read(directory: &Directory, object_type: &str, position: Option<&Position>) -> SourcePage {
    VirtualTime::default().run(directory.read(object_type, position)).unwrap().unwrap()
}

/// Reads to the end of a round, and says where the next one begins.
fn follow(directory: &Directory, object_type: &str, mut position: Option<Position>, known: &mut Known) -> Position {
    loop {
        let page = read(directory, object_type, position.as_ref());
        for change in page.changes {
            match change.kind {
                SourceChangeKind::Present { attributes, references } => {
                    let (values, refers) = known.entry(change.id).or_default();
                    for (name, value) in attributes.iter() {
                        values.insert(name, value.clone());
                    }
                    for reference in references {
                        let key = (reference.attribute, reference.id);
                        if reference.is_removed {
                            refers.remove(&key);
                        } else {
                            refers.insert(key);
                        }
                    }
                }
                SourceChangeKind::SoftDeleted | SourceChangeKind::Deleted => drop(known.remove(&change.id)),
            }
        }
        if page.is_last {
            return page.next;
        }
        position = Some(page.next);
    }
}

/// What the directory holds, as a reader should know it.
fn check_known(snapshot: &Snapshot, people: &Known, groups: &Known) -> Result<(), TestCaseError> {
    let there = snapshot.people.iter().filter(|(_, person)| person.is_there());
    prop_assert_eq!(there.clone().map(|(id, _)| id).collect::<Vec<_>>(), people.keys().collect::<Vec<_>>());
    for (id, person) in there {
        let (values, references) = &people[id];
        prop_assert_eq!(values.get("jobTitle").and_then(Value::as_str), Some(person.title.as_str()));
        prop_assert_eq!(values.get("mail").and_then(Value::as_str), Some(person.name.as_str()));
        prop_assert_eq!(values.get("accountEnabled").and_then(Value::as_bool), Some(person.is_enabled));
        let managers: Vec<&str> = references.iter().map(|(_, id)| id.as_str()).collect();
        prop_assert_eq!(managers, person.manager.as_deref().into_iter().collect::<Vec<_>>());
    }
    let there = snapshot.groups.iter().filter(|(_, group)| group.presence == Presence::Present);
    prop_assert_eq!(there.clone().map(|(id, _)| id).collect::<Vec<_>>(), groups.keys().collect::<Vec<_>>());
    for (id, group) in there {
        let members: BTreeSet<String> = groups[id].1.iter().map(|(_, id)| id.clone()).collect();
        prop_assert_eq!(&members, &group.members);
    }
    Ok(())
}

proptest! {
    /// Whoever follows the directory from any moment on knows what it holds, page by page.
    #[test]
    fn whoever_follows_a_directory_knows_it(before in changes(9, 3, 0..=15), after in changes(9, 3, 0..=15)) {
        // Expiry is a fault of its own; here positions stay known.
        let happen = |directory: &Directory, changes: &[Change]| {
            changes.iter().filter(|change| **change != Change::Expire).for_each(|change| directory.apply(*change));
        };
        let directory = Directory::new(9, 3, true);
        happen(&directory, &before);
        let (mut people, mut groups) = (Known::new(), Known::new());
        let of_people = follow(&directory, "User", None, &mut people);
        let of_groups = follow(&directory, "Group", None, &mut groups);
        check_known(&directory.look(), &people, &groups)?;
        happen(&directory, &after);
        follow(&directory, "User", Some(of_people), &mut people);
        follow(&directory, "Group", Some(of_groups), &mut groups);
        check_known(&directory.look(), &people, &groups)?;
    }

    /// The same seed draws the same changes.
    #[test]
    fn changes_are_drawn_from_their_seed(seed: u64, people in 1_usize..20, groups in 0_usize..5) {
        let drawn = || { let draw = Draw::from_seed(seed); (0..30).map(|_| Change::draw(&draw, people, groups)).collect::<Vec<_>>() };
        prop_assert_eq!(drawn(), drawn());
        let of_groups = |change: &Change| matches!(change, Change::Member(..) | Change::RenameGroup(_) | Change::AssignGroup(..));
        prop_assert!(groups > 0 || !drawn().iter().any(of_groups));
    }

    /// A target that is made as the mappings say is right, whatever happened; one that lacks something is not.
    #[test]
    fn the_model_tells_right_from_wrong(happened in changes(8, 3, 0..=25), assigns: bool, pick: prop::sample::Index) {
        let directory = Directory::new(8, 3, assigns);
        happened.iter().for_each(|change| directory.apply(*change));
        let snapshot = directory.look();
        let held = right(&snapshot);
        let model = Model::new(&snapshot, attributes);
        prop_assert_eq!(model.check(&held).faults, Vec::<String>::new());
        prop_assert!(model.check(&held).blocked.is_empty());
        if held.users.is_empty() {
            return Ok(());
        }
        let index = pick.index(held.users.len());
        for damage in DAMAGES {
            let mut held = held.clone();
            damage(&mut held, index);
            let verdict = model.check(&held);
            prop_assert!(!verdict.faults.is_empty() || !verdict.blocked.is_empty(), "{:?}", held);
        }
    }
}

/// Ways to make a right target wrong.
const DAMAGES: [fn(&mut Held, usize); 5] = [
    |held, index| drop(held.users.remove(index)),
    |held, index| {
        let mut twin = held.users[index].clone();
        twin.id = "twin".to_owned();
        held.users.push(twin);
    },
    |held, index| drop(held.users[index].document.insert("title", "Nobody's")),
    |held, index| drop(held.users[index].document.insert("active", Value::Null)),
    |held, index| drop(held.users[index].document.insert("externalId", "a stranger")),
];

fn attributes(person: &Person) -> Attributes {
    Attributes::new().with("userName", person.name.as_str()).with("title", person.title.as_str())
}

fn stored(id: &str, document: serde_json::Value) -> StoredResource {
    let document: Resource = serde_json::from_value(document).unwrap();
    StoredResource::new(id.to_owned(), document, Revision::default(), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
}

/// A target that has everybody who is enabled and in scope, and every group.
fn right(snapshot: &Snapshot) -> Held {
    let has_account = |id: &str| snapshot.is_in_scope(id) && snapshot.people.get(id).is_some_and(|person| person.is_enabled);
    let account = |id: &str| format!("account of {id}");
    let people = snapshot.people.iter().filter(|(id, _)| has_account(id));
    let users = people.map(|(id, person)| {
        let manager = person.manager.as_deref().filter(|manager| has_account(manager)).map(|id| json!({"value": account(id)}));
        let document = json!({
            "externalId": id, "userName": person.name, "title": person.title, "active": true, (ENTERPRISE): {"manager": manager},
        });
        stored(&account(id), document)
    });
    let groups = snapshot.groups.iter().filter(|(id, _)| snapshot.is_group_in_scope(id)).map(|(id, group)| {
        let members: Vec<_> = group.members.iter().filter(|id| has_account(id)).map(|id| json!({"value": account(id)})).collect();
        stored(&format!("group {id}"), json!({"externalId": id, "displayName": group.name, "members": members}))
    });
    Held::new(users.collect(), groups.collect())
}

#[track_caller]
fn check_fault(directory: &Directory, held: &Held, invariant: &str) {
    let snapshot = directory.look();
    let faults = Model::new(&snapshot, attributes).check(held).faults;
    assert!(faults.len() == 1 && faults[0].starts_with(invariant), "{faults:?}");
}

#[test]
fn groups_have_their_names_and_the_accounts_of_their_members() {
    let directory = Directory::new(6, 2, false);
    let held = right(&directory.look());
    directory.apply(Change::Member(0, 5, true));
    check_fault(&directory, &held, "invariant 14: g0: expected the members");
    directory.apply(Change::Member(0, 5, false));
    directory.apply(Change::RenameGroup(1));
    check_fault(&directory, &held, "invariant 14: g1: expected the name");
    let directory = Directory::new(6, 2, false);
    directory.apply(Change::DeleteGroup(0, true));
    check_fault(&directory, &held, "invariant 14: g0: expected no group");
    let directory = Directory::new(6, 2, false);
    directory.apply(Change::Manager(4, Some(5)));
    check_fault(&directory, &held, "invariant 14: p04: expected the manager");
}

#[test]
fn whoever_left_has_no_account_that_is_active() {
    let directory = Directory::new(6, 0, false);
    let mut held = right(&directory.look());
    directory.apply(Change::SoftDelete(5));
    check_fault(&directory, &held, "invariant 14: p05: expected an inactive account");
    held.users[5].document.insert("active", false);
    assert_eq!(Model::new(&directory.look(), attributes).check(&held).faults, Vec::<String>::new());
    directory.apply(Change::Delete(5, true));
    check_fault(&directory, &held, "invariant 14: p05: expected no account any more");
}

/// Least touch: what others have stays as it is, and so does what nobody maps.
#[test]
fn what_others_have_is_not_touched() {
    let directory = Directory::new(3, 0, false);
    let snapshot = directory.look();
    let mut held = right(&snapshot);
    let other = stored("other", json!({"userName": "other@example.org", "active": true, "title": "Other"}));
    held.users.push(other.clone());
    let others = [other];
    let model = || Model::new(&snapshot, attributes).with_planted(&[], &others);
    assert_eq!(model().check(&held).faults, Vec::<String>::new());
    held.users[3].document.insert("title", "Changed");
    assert!(model().check(&held).faults[0].starts_with("invariant 17"));
    held.users.pop();
    assert!(model().check(&held).faults[0].starts_with("invariant 17"));
    held.users.push(others[0].clone());
    let kept = Attributes::new().with("nickName", "Kalle");
    let model = || model().with_kept([(held.users[0].id.clone(), kept.clone())]);
    assert!(model().check(&held).faults[0].starts_with("invariant 17"));
    let mut named = held.clone();
    named.users[0].document.insert("nickName", "Kalle");
    assert_eq!(model().check(&named).faults, Vec::<String>::new());
}

/// A name that somebody keeps who left: whoever is to have it waits, and whoever is to have theirs.
#[test]
fn those_whose_names_are_kept_are_told() {
    let directory = Directory::new(3, 0, false);
    let mut held = right(&directory.look());
    directory.apply(Change::Swap(0, 1));
    directory.apply(Change::SoftDelete(0));
    held.users[0].document.insert("active", false);
    let verdict = Model::new(&directory.look(), attributes).check(&held);
    assert_eq!((verdict.faults, verdict.blocked), (Vec::new(), BTreeSet::from([person(1)])));
}

#[test]
fn reads_fail_when_they_are_told_to_and_positions_expire() {
    let time = VirtualTime::default();
    let directory = Directory::new(3, 1, true);
    directory.fail_at([2]);
    let page = read(&directory, "Group", None);
    let kind = |position: &Position| time.run(directory.read("Group", Some(position))).unwrap().unwrap_err().kind;
    assert_eq!(kind(&page.next), SourceErrorKind::Unavailable);
    assert!(read(&directory, "Group", Some(&page.next)).changes.is_empty());
    directory.apply(Change::Expire);
    assert_eq!(kind(&page.next), SourceErrorKind::PositionExpired);
}

/// The ids of the assigned, page by page.
fn assigned(directory: &Directory) -> Vec<Vec<String>> {
    let (time, mut pages, mut after) = (VirtualTime::default(), Vec::new(), None);
    loop {
        let page = time.run(directory.assignments(after.as_ref())).unwrap().unwrap();
        pages.push(page.assignments.into_iter().map(|assignment| assignment.principal_id).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[test]
fn assignments_come_in_pages_and_each_once() {
    assert_eq!(assigned(&Directory::default()), [Vec::<String>::new()]);
    let directory = Directory::new(3, 1, true);
    assert_eq!(assigned(&directory), [vec![group(0), person(0), person(1)]]);
    directory.apply(Change::AssignPerson(2, true));
    assert_eq!(assigned(&directory), [vec![group(0), person(0), person(1), person(2)]], "a page that is full is the last one");
    directory.apply(Change::AssignPerson(7, true));
    assert_eq!(assigned(&directory), [vec![group(0), person(0), person(1), person(2)], vec![person(7)]]);
}

#[test]
fn reading_the_assignments_fails_when_it_is_told_to() {
    let (time, directory) = (VirtualTime::default(), Directory::new(3, 1, true));
    directory.fail_at([2]);
    let read = || time.run(directory.assignments(None)).unwrap().map(|page| page.assignments.len()).map_err(|error| error.kind);
    assert_eq!([read(), read(), read()], [Ok(3), Err(SourceErrorKind::Unavailable), Ok(3)]);
}
