//! Plans that are read, compared, approved and applied.

use scimkit_mapping::schema::{ScopeClause, ScopeFilter, ScopeGroup};
use scimkit_provisioning::{CycleError, EventAction, PlanDocument, PlanFormat};
use scimkit_types::Value;
use serde_json::json;

use crate::world::{Fault, World, block_on, deleted, job, person, present, soft_deleted, user_mapping};

fn plan(world: &World) -> scimkit_provisioning::PlanHeader {
    block_on(world.engine().plan_cycle()).unwrap()
}

fn text(world: &World, format: PlanFormat) -> String {
    let mut out = Vec::new();
    block_on(world.engine().write_plan(format, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

/// One who is renamed, one who joins, one who leaves.
fn busy() -> World {
    let world = World::with_linked_person();
    world.source.assign("User", &["u2", "u3"]);
    world.source.tell("User", vec![person("u3", "cy@example.com")]);
    world.cycle();
    world.source.tell("User", vec![person("u1", "new@example.com"), person("u2", "bo@example.com"), deleted("u3")]);
    world.target.requests.lock().unwrap().clear();
    world
}

#[test]
fn a_plan_writes_nothing_and_is_applied_as_it_stands() {
    let world = busy();
    let plan = plan(&world);
    assert_eq!((plan.counts.creates, plan.counts.updates, plan.counts.deletes, plan.counts.removals()), (1, 1, 1, 1));
    assert!(world.target.writes().is_empty());
    assert_eq!(block_on(world.engine().waiting_plan()).unwrap(), Some(plan.clone()));

    let report = block_on(world.engine().apply_plan(&plan.id)).unwrap();
    assert_eq!((report.created, report.updated, report.deleted), (1, 1, 1));
    assert!(world.target.user("new@example.com").is_some() && world.target.user("cy@example.com").is_none());
    assert_eq!(block_on(world.engine().waiting_plan()).unwrap(), None);
    assert_eq!(world.cycle().imported, 0, "the watermark has moved");
}

#[test]
fn each_change_says_what_it_was_and_which_mapping_it_comes_from() {
    let world = busy();
    plan(&world);
    let document = PlanDocument::from_json(&text(&world, PlanFormat::Json)).unwrap();
    let renamed = document.actions.iter().find(|change| change.source_id == "u1").unwrap();
    assert_eq!(renamed.action, EventAction::Update);
    let name = renamed.changes.iter().find(|change| change.name == "userName").unwrap();
    assert_eq!((name.old.as_str(), name.new.as_str()), (Some("ada@example.com"), Some("new@example.com")));
    assert_eq!(name.mappings, ["[mail] -> userName"]);
    assert_eq!(name.why.as_deref(), Some("the mapping gives this value"));

    let diff = text(&world, PlanFormat::Diff);
    assert!(diff.contains("~ update User Person u1"), "{diff}");
    assert!(diff.contains(r#"~ userName: "ada@example.com" -> "new@example.com"    # [mail] -> userName"#), "{diff}");
    assert!(diff.contains("+ create User Person u2") && diff.contains("- delete User Person u3"), "{diff}");
}

#[test]
fn each_removal_says_why() {
    let check = |change: &dyn Fn(&World), expected: &str| {
        let mut world = World::with_linked_person();
        let (mut mapping, mut filter, mut group) = (user_mapping(), ScopeFilter::default(), ScopeGroup::default());
        group.clauses.push(ScopeClause::new("mail", "EQUALS", &["ada@example.com"]));
        filter.groups.push(group);
        mapping.scope = Some(filter);
        world.job = job(&[mapping]);
        change(&world);
        plan(&world);
        let diff = text(&world, PlanFormat::Diff);
        assert!(diff.contains(expected), "`{expected}` is not in: {diff}");
        let document = PlanDocument::from_json(&text(&world, PlanFormat::Json)).unwrap();
        assert!(document.actions.first().unwrap().why.is_some(), "{document:?}");
    };
    let tell = |world: &World, change| world.source.tell("User", vec![change]);
    check(&|world| world.source.unassign("u1"), "~ disable User Person u1    # the object is not assigned to the application\n");
    check(
        &|world| tell(world, present("u1", json!({"mail": "guest@example.com"}))),
        "~ disable User Person u1    # `mail EQUALS` does not hold\n",
    );
    let is_disabled = present("u1", json!({"accountEnabled": false}));
    check(&|world| tell(world, is_disabled.clone()), "~ disable User Person u1    # the object is disabled at the source\n");
    check(&|world| tell(world, soft_deleted("u1")), "~ disable User Person u1    # the object was deleted at the source\n");
    check(&|world| tell(world, deleted("u1")), "- delete User Person u1    # the object was deleted at the source\n");
}

#[test]
fn values_that_are_redacted_do_not_stand_in_a_plan() {
    let mut world = World::new();
    let mut mapping = user_mapping();
    for attribute in mapping.attribute_mappings.iter_mut().filter(|mapping| mapping.target_attribute_name == "title") {
        *attribute = scimkit_mapping::AttributeMapping::new("title", "Redact([jobTitle])");
    }
    world.job = job(&[mapping]);
    world.source.assign("User", &["u1"]);
    world.source.tell("User", vec![present("u1", json!({"mail": "ada@example.com", "jobTitle": "Spy", "accountEnabled": true}))]);
    plan(&world);
    for format in [PlanFormat::Json, PlanFormat::Diff] {
        let text = text(&world, format);
        assert!(!text.contains("Spy") && text.contains("[Redact]"), "{text}");
    }
}

#[test]
fn references_that_will_change_are_shown() {
    let world = World::with_linked_person();
    world.source.assign("Group", &["g1"]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers"}))]);
    world.cycle();
    world.source.tell("Group", vec![present("g1", json!({"members+": ["u1"]}))]);
    let plan = plan(&world);
    assert_eq!((plan.counts.actions, plan.counts.references), (0, 1));
    let changes = block_on(world.engine().planned_changes(None, 10)).unwrap();
    let members = &changes.first().unwrap().changes.first().unwrap();
    assert_eq!((members.name.as_str(), members.new.elements().len()), ("members", 1));
    block_on(world.engine().apply_plan(&plan.id)).unwrap();
    assert_eq!(world.target.content("Group").first().unwrap().get("members").unwrap().elements().len(), 1);
}

#[test]
fn a_plan_of_another_job_or_another_time_is_refused() {
    let mut world = busy();
    let plan = plan(&world);
    let refused = |world: &World, id: &str, part: &str| {
        let error = block_on(world.engine().apply_plan(id)).unwrap_err();
        assert!(matches!(&error, CycleError::PlanRefused { .. }) && error.to_string().contains(part), "{error}");
    };
    refused(&world, "other", "another plan waits");
    world.job.fingerprint = "2".to_owned();
    refused(&world, &plan.id, "the job has changed");
    world.job.fingerprint = "1".to_owned();
    assert!(world.target.writes().is_empty());
    world.cycle();
    refused(&world, &plan.id, "no plan waits");
}

#[test]
fn who_is_provisioned_on_demand_drops_the_plan() {
    let world = busy();
    let plan = plan(&world);
    block_on(world.engine().provision_on_demand("User", "u2")).unwrap();
    assert_eq!(block_on(world.engine().waiting_plan()).unwrap(), None);
    let refused = block_on(world.engine().apply_plan(&plan.id));
    assert!(matches!(&refused, Err(CycleError::PlanRefused { reason }) if reason == "no plan waits"), "{refused:?}");
}

#[test]
fn a_plan_is_made_anew_when_the_source_is_read_again() {
    let world = busy();
    let first = plan(&world);
    world.source.tell("User", vec![person("u1", "newer@example.com")]);
    let second = plan(&world);
    assert_ne!(first.watermark, second.watermark);
    let error = block_on(world.engine().apply_plan(&first.id)).unwrap_err();
    assert!(error.to_string().contains("another plan waits"), "{error}");
    block_on(world.engine().apply_plan(&second.id)).unwrap();
    assert!(world.target.user("newer@example.com").is_some());
}

#[test]
fn an_action_whose_link_changed_since_is_skipped_and_told() {
    let world = busy();
    let plan = plan(&world);
    // Somebody settles something by hand: the link of one is not what it was.
    block_on(async {
        let lease = world.state.lease(&world.job.id, "hand", None, scimkit_types::Timestamp::MAX, std::time::Duration::ZERO).await.unwrap();
        let link = world.state.get(&world.job.id, scimkit_store::Table::Link, "User/u1").await.unwrap().unwrap();
        let mut batch = scimkit_store::Batch::new();
        batch.put(scimkit_store::Table::Link, "User/u1", link.replace("Person u1", "Somebody"));
        world.state.commit(&world.job.id, lease.fence, batch).await.unwrap();
        world.state.release(&world.job.id, lease.fence).await.unwrap();
    });
    let report = block_on(world.engine().apply_plan(&plan.id)).unwrap();
    assert_eq!((report.created, report.updated, report.deleted), (1, 0, 1), "{report:?}");
    assert_eq!(world.log.of("u1").last().unwrap(), "Update Skipped PlanOutdated");
    assert_eq!(world.cycle().updated, 1, "it is still marked");
}

#[test]
fn the_threshold_is_judged_again_before_a_plan_is_applied() {
    let mut world = busy();
    world.job.deletion_threshold = Some(0);
    let plan = plan(&world);
    let error = block_on(world.engine().apply_plan(&plan.id)).unwrap_err();
    assert!(matches!(error, CycleError::TooManyDeletes { planned: 1, threshold: 0 }), "{error}");
    assert!(world.target.writes().is_empty());
    let report = block_on(world.engine().with_removals_allowed().apply_plan(&plan.id)).unwrap();
    assert_eq!(report.deleted, 1);
}

/// The source may have changed since the create was begun, so that the next cycle decides on it again.
#[test]
fn a_create_of_a_plan_that_was_begun_and_not_done_is_for_the_next_cycle() {
    let mut world = World::new();
    world.job.concurrency = 1;
    let ids = ["u1", "u2", "u3"];
    world.source.assign("User", &ids);
    world.source.tell("User", ids.map(|id| person(id, &format!("{id}@example.com"))).to_vec());
    let plan = plan(&world);
    let sent = world.target.requests.lock().unwrap().len();
    world.target.faults.lock().unwrap().insert(sent + 2, Fault::Before);
    block_on(world.engine().apply_plan(&plan.id)).unwrap_err();
    assert_eq!(world.target.content("User").len(), 1);

    let report = block_on(world.engine().apply_plan(&plan.id)).unwrap();
    assert_eq!((report.created, world.target.content("User").len()), (1, 2));
    assert_eq!(block_on(world.engine().waiting_plan()).unwrap(), None);
    assert_eq!((world.cycle().created, world.target.content("User").len()), (1, 3));
}

#[test]
fn two_plans_are_compared_by_what_they_do() {
    let world = busy();
    plan(&world);
    let first = block_on(world.engine().plan_document()).unwrap().unwrap();
    world.source.assign("User", &["u4"]);
    world.source.tell("User", vec![person("u4", "di@example.com"), person("u1", "newer@example.com")]);
    plan(&world);
    let second = block_on(world.engine().plan_document()).unwrap().unwrap();
    let comparison = first.compare(&second);
    assert_eq!((comparison.same, comparison.only_here.len(), comparison.only_there.len(), comparison.changed.len()), (2, 0, 1, 1));
    let (_, changed) = comparison.changed.first().unwrap();
    assert!(changed.changes.iter().any(|change| change.new == Value::from("newer@example.com")));
}
