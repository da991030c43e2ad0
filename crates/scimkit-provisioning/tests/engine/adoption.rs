//! Resources that were there before the job.

use scimkit_mapping::AttributeMapping;
use scimkit_provisioning::{CycleError, ErrorCode};
use scimkit_types::{Value, schema};
use serde_json::json;

use crate::world::{World, job, person, present, user_mapping};

fn members(world: &World) -> Vec<String> {
    let groups = world.target.resources.lock().unwrap();
    let group = groups.get("Group").unwrap().values().next().unwrap().clone();
    let mut ids: Vec<String> = group
        .get("members")
        .map(|members| {
            members.elements().iter().filter_map(|member| member.as_complex()?.get("value")?.as_str().map(str::to_owned)).collect()
        })
        .unwrap_or_default();
    ids.sort_unstable();
    ids
}

#[test]
fn an_adopted_group_loses_members_that_the_source_does_not_have() {
    let world = World::new();
    world.target.plant("User", "t-old", json!({"userName": "old@example.com"}));
    world.target.plant("User", "t-ada", json!({"userName": "ada@example.com"}));
    world.target.plant("Group", "g9", json!({"displayName": "Readers", "members": [{"value": "t-old"}, {"value": "t-ada"}]}));
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2"]}))]);
    assert_eq!(world.cycle().failures(), 0);
    let bo = world.target.user("bo@example.com").unwrap().id().unwrap().to_owned();
    assert_eq!(members(&world), ["t-ada".to_owned(), bo]);
    let reads = world.target.requests.lock().unwrap().iter().filter(|request| *request == "get Group").count();
    assert_eq!(reads, 1, "the members are read once");
    world.target.requests.lock().unwrap().clear();
    assert_eq!(world.cycle().written(), 0);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

#[test]
fn an_adopted_person_gets_the_manager_of_the_source() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let world = World::new();
    world.target.plant("User", "t-boss", json!({"userName": "boss@example.com"}));
    world.target.plant("User", "t-ada", json!({"userName": "ada@example.com", enterprise: {"manager": {"value": "t-boss"}}}));
    world.source.assign("User", &["u1", "u2"]);
    let ada = json!({"mail": "ada@example.com", "displayName": "Ada", "accountEnabled": true, "manager-": ["u3"]});
    world.source.tell("User", vec![present("u1", ada), person("u2", "bo@example.com")]);
    assert_eq!(world.cycle().failures(), 0);
    let user = world.target.user("ada@example.com").unwrap();
    let manager = user.extension(enterprise).and_then(|extension| extension.get("manager")).filter(|manager| !manager.is_unassigned());
    assert_eq!(manager, None, "the source knows that there is no manager");
    assert!(world.target.user("boss@example.com").is_some_and(|boss| boss.get("active").is_none()), "others are left alone");
    assert_eq!(world.cycle().written(), 0);
    assert_eq!(user.get("displayName").and_then(Value::as_str), Some("Ada"));
}

#[test]
fn a_mapping_that_only_adds_members_removes_none() {
    let mut world = World::new();
    let mut mapping = crate::world::group_mapping();
    let last = mapping.attribute_mappings.pop().unwrap();
    mapping.attribute_mappings.push(last.with_flow_type(scimkit_mapping::FlowType::MultiValueAddOnly));
    world.job = job(&[user_mapping(), mapping]);
    world.target.plant("User", "t-old", json!({"userName": "old@example.com"}));
    world.target.plant("Group", "g9", json!({"displayName": "Readers", "members": [{"value": "t-old"}]}));
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 3);
    world.source.tell("Group", vec![present("g1", json!({"members-": ["u2"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 3);
}

/// Row 3 of the decision table of Microsoft's service, where the job does not update: the resource is linked and stays as it is.
#[test]
fn a_resource_that_is_there_is_linked_and_not_changed_where_the_job_does_not_update() {
    let mut world = World::new();
    world.job.actions.update = false;
    world.target.plant("User", "t9", json!({"userName": "ada@example.com", "active": true}));
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    assert_eq!(world.cycle().failures(), 0);
    assert_eq!(world.target.writes(), Vec::<String>::new());

    world.job.actions.update = true;
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Pilot"}))]);
    assert_eq!(world.cycle().updated, 1);
    assert_eq!(*world.target.requests.lock().unwrap(), ["find User", "patch User"], "it was linked before");
    assert_eq!(world.target.user("ada@example.com").unwrap().get("displayName").and_then(Value::as_str), Some("Person u1"));
}

/// As Microsoft's service writes references in phases of their own, members and managers flow where the job does not update.
#[test]
fn members_and_managers_are_written_where_the_job_does_not_update() {
    let mut world = World::new();
    world.job.actions.update = false;
    world.target.plant("User", "t8", json!({"userName": "bo@example.com", "active": true}));
    world.target.plant("Group", "t9", json!({"displayName": "Readers"}));
    world.source.assign("User", &["u2", "u3"]);
    world.source.assign("Group", &["g1"]);
    let bo = json!({"mail": "bo@example.com", "displayName": "Bo", "accountEnabled": true, "manager+": ["u3"]});
    world.source.tell("User", vec![present("u2", bo), person("u3", "cy@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u2", "u3"]}))]);
    world.cycle();
    assert_eq!(world.target.writes(), ["create User", "patch User", "patch Group"]);
    assert_eq!(members(&world).len(), 2);
    let bo = world.target.user("bo@example.com").unwrap();
    assert!(bo.extension(schema::ENTERPRISE_USER).is_some_and(|extension| extension.get("manager").is_some()), "{bo:?}");
    assert_eq!(bo.get("displayName"), None, "attributes are left as they are");

    world.source.tell("Group", vec![present("g1", json!({"members-": ["u3"]}))]);
    world.cycle();
    assert_eq!(members(&world), ["t8"]);

    world.source.tell("Group", vec![present("g1", json!({"displayName": "Writers", "members+": ["u3"]}))]);
    world.cycle();
    assert_eq!(world.log.of("g1").last().unwrap(), "Other Skipped ActionNotAllowed");
    assert_eq!(members(&world), ["t8"], "whose attributes are to change is passed over as a whole");
}

/// People whom the mapping has inactive, and who are active in the service before the job.
fn world_of_people_who_are_to_be_inactive() -> World {
    let mut world = World::new();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.retain(|attribute| attribute.target_attribute_name != "active");
    mapping.attribute_mappings.push(AttributeMapping::new("active", r#"Switch([status], "False", "in", "True")"#));
    world.job = job(&[mapping]);
    let people = ["u1", "u2"].map(|id| {
        world.target.plant("User", &format!("t-{id}"), json!({"userName": format!("{id}@example.com"), "active": true}));
        present(id, json!({"mail": format!("{id}@example.com"), "status": "out"}))
    });
    world.source.tell("User", people.to_vec());
    world.source.assign("User", &["u1", "u2"]);
    world
}

#[test]
fn whoever_is_disabled_on_being_adopted_counts_for_the_threshold() {
    let mut world = world_of_people_who_are_to_be_inactive();
    world.job.deletion_threshold = Some(1);
    let held = world.try_cycle().unwrap_err();
    assert!(matches!(held, CycleError::TooManyDeletes { planned: 2, threshold: 1 }), "{held}");
    assert_eq!(world.target.writes(), Vec::<String>::new());
    world.job.deletion_threshold = Some(2);
    assert_eq!(world.cycle().disabled, 2);
}

#[test]
fn whoever_is_adopted_stays_active_where_the_job_does_not_disable() {
    let mut world = world_of_people_who_are_to_be_inactive();
    world.job.actions.disable = false;
    assert_eq!(world.cycle().failures(), 0);
    assert_eq!(world.target.writes(), Vec::<String>::new());
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Pilot"}))]);
    assert_eq!(world.cycle().skipped.get(&ErrorCode::ActionNotAllowed), Some(&1), "it is linked");
    assert_eq!(world.target.writes(), Vec::<String>::new());
}
