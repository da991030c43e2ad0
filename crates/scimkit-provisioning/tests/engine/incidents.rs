//! What users of other engines met, by the numbers of the register of reports.

use scimkit_mapping::schema::{ScopeClause, ScopeFilter, ScopeGroup};
use scimkit_provisioning::CycleError;
use scimkit_types::Value;
use serde_json::json;

use crate::world::{World, job, person, present, user_mapping};

/// IR32: the last member of a group was never removed, as the list that was to stand was empty.
#[test]
fn the_last_member_of_a_group_is_removed() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Crew", "members+": ["u1"]}))]);
    world.cycle();
    let members = || world.target.content("Group").first().and_then(|group| group.get("members").map(|members| members.elements().len()));
    assert_eq!(members(), Some(1));
    world.source.tell("Group", vec![present("g1", json!({"members-": ["u1"]}))]);
    world.cycle();
    assert_eq!(members().unwrap_or_default(), 0);
}

/// IR36: a changed filter deleted everybody.
#[test]
fn a_filter_that_leaves_everybody_out_is_held_by_the_threshold() {
    let mut world = World::new();
    let ids = ["u1", "u2", "u3"];
    world.source.assign("User", &ids);
    world.source.tell("User", ids.map(|id| person(id, &format!("{id}@example.com"))).to_vec());
    world.cycle();
    world.target.requests.lock().unwrap().clear();

    let mut mapping = user_mapping();
    let (mut filter, mut group) = (ScopeFilter::default(), ScopeGroup::default());
    group.clauses.push(ScopeClause::new("department", "EQUALS", &["Sales"]));
    filter.groups.push(group);
    mapping.scope = Some(filter);
    world.job = job(&[mapping]);
    world.job.fingerprint = "2".to_owned();
    world.job.deletion_threshold = Some(2);
    let held = world.try_cycle().unwrap_err();
    assert!(matches!(held, CycleError::TooManyDeletes { planned: 3, threshold: 2 }), "{held}");
    assert!(world.target.requests.lock().unwrap().is_empty());
}

/// IR36: leaving `active` out of the mappings disabled people; nothing is inferred from what is absent. An attribute whose mapping is
/// taken away stays as it was written (invariant 17: attributes without a mapping are never changed).
#[test]
fn what_a_mapping_that_is_taken_away_has_written_stays() {
    let mut world = World::with_linked_person();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|attribute| !["active", "displayName"].contains(&attribute.target_attribute_name.as_str()));
    world.job = job(&[mapping]);
    world.job.fingerprint = "2".to_owned();
    assert_eq!(world.cycle().written(), 0);
    world.source.tell("User", vec![present("u1", json!({"accountEnabled": null, "displayName": "Ada", "jobTitle": "Pilot"}))]);
    let report = world.cycle();
    assert_eq!((report.updated, report.disabled), (1, 0));
    let user = world.target.user("ada@example.com").unwrap();
    let text = |name: &str| user.get(name).and_then(Value::as_str);
    assert_eq!(user.get("active").and_then(Value::as_bool), Some(true));
    assert_eq!((text("displayName"), text("title")), (Some("Person u1"), Some("Pilot")));

    world.job = job(&[user_mapping()]);
    world.job.fingerprint = "3".to_owned();
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(world.target.user("ada@example.com").unwrap().get("displayName").and_then(Value::as_str), Some("Ada"));
}
