//! What others changed in the target, and to whom its accounts belong.

use scimkit_provisioning::DriftPolicy;
use scimkit_types::{Profile, Value};
use serde_json::json;

use crate::world::{World, block_on, person, present};

fn change(world: &World, user_name: &str, attribute: &str, value: serde_json::Value) {
    let value: Value = serde_json::from_value(value).unwrap();
    let mut resources = world.target.resources.lock().unwrap();
    let users = resources.get_mut("User").unwrap();
    let user = users.values_mut().find(|user| user.get("userName").and_then(Value::as_str) == Some(user_name)).unwrap();
    user.insert(attribute, value);
}

#[test]
fn what_others_changed_is_told_and_put_right_when_asked() {
    let world = World::with_linked_person();
    let clean = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    assert_eq!((clean.compared, clean.changed, clean.gone), (1, 0, 0), "{clean:?}");

    change(&world, "ada@example.com", "displayName", json!("Somebody"));
    change(&world, "ada@example.com", "nickName", json!("A"));
    let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    let names: Vec<&str> = report.objects.iter().flat_map(|object| object.changes.iter().map(|change| change.name.as_str())).collect();
    assert_eq!((report.changed, names), (1, vec!["displayName"]), "an attribute without a mapping is none of ours");
    assert_eq!(world.cycle().written(), 0, "a report changes nothing");

    block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!(world.cycle().updated, 1);
    let user = world.target.user("ada@example.com").unwrap();
    assert_eq!(user.get("displayName").and_then(Value::as_str), Some("Person u1"));
    assert_eq!(user.get("nickName").and_then(Value::as_str), Some("A"));
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap().changed, 0);
}

#[test]
fn a_resource_that_is_gone_is_made_again_when_asked() {
    let world = World::with_linked_person();
    world.target.remove("User", "ada@example.com");
    let report = block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap();
    assert_eq!((report.gone, report.objects.first().map(|object| object.is_gone)), (1, Some(true)));
    assert_eq!(world.cycle().created, 1);
}

#[test]
fn values_that_the_profile_declares_equal_are_no_drift() {
    let mut world = World::new();
    world.job.profile =
        serde_json::from_value::<Profile>(json!({"name": "echoing", "echoes": [{"attribute": "title", "values": {"Dr": "Doctor"}}]}))
            .unwrap();
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", json!({"mail": "ada@example.com", "jobTitle": "Dr", "accountEnabled": true}))]);
    world.cycle();
    change(&world, "ada@example.com", "title", json!("Doctor"));
    assert_eq!(block_on(world.engine().find_drift(DriftPolicy::Repair)).unwrap().changed, 0);
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn accounts_are_local_unassigned_or_assigned() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("u2", "bo@example.com")]);
    world.cycle();
    world.target.plant("User", "t8", json!({"userName": "BO@example.com"}));
    world.target.plant("User", "t9", json!({"userName": "nobody@example.com"}));
    let report = block_on(world.engine().find_drift(DriftPolicy::Report)).unwrap();
    let counts = report.accounts.get("User").unwrap();
    assert_eq!((counts.local, counts.unassigned, counts.assigned), (1, 1, 1));
    let of = |id: &str| report.unlinked.iter().find(|account| account.target_id == id).unwrap();
    assert_eq!((of("t8").source_id.as_deref(), of("t9").source_id.as_deref()), (Some("u2"), None));
}
