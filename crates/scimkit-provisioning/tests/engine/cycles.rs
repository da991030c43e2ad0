//! What cycles do with groups, references and positions.

use scimkit_provisioning::{
    Cycle, CycleError, CycleReport, MatchingChoice, MatchingPolicy, QuarantineReason, ResetScope, SourceErrorKind, TargetErrorKind,
};
use scimkit_types::{Value, schema};
use serde_json::json;

use crate::world::{World, block_on, group_mapping, job, person, present, soft_deleted, user_mapping};

fn manager(world: &World, user_name: &str) -> Option<String> {
    let user = world.target.user(user_name)?;
    let manager = user.extension(schema::ENTERPRISE_USER)?.get("manager")?.as_complex()?;
    manager.get("value").and_then(Value::as_str).map(str::to_owned)
}

fn members(world: &World) -> Vec<String> {
    let groups = world.target.content("Group");
    let members = groups.first().and_then(|group| group.get("members")).map(Value::elements).unwrap_or_default();
    members.iter().map(|member| member.as_complex().unwrap().get("value").unwrap().as_str().unwrap().to_owned()).collect()
}

#[test]
fn direct_members_of_an_assigned_group_are_provisioned_with_the_group() {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com"), person("u3", "cy@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones", "members+": ["u1", "u2", "g2"]}))]);
    let report = world.cycle();
    assert_eq!((report.kind, report.created), (Cycle::Initial, 3));
    assert_eq!(members(&world).len(), 2);
    assert_eq!(world.log.of("u3"), ["Other Skipped NotAssigned"]);

    world.source.tell("Group", vec![present("g1", json!({"members-": ["u1"], "members+": ["u3"]}))]);
    let report = world.cycle();
    assert_eq!((report.kind, report.created, report.disabled), (Cycle::Incremental, 1, 1));
    assert_eq!(members(&world).len(), 2, "what is not linked, such as the nested group, is left out");
}

#[test]
fn a_group_that_is_not_security_enabled_gives_no_scope() {
    for enabled in [json!(false), json!("False")] {
        let world = World::new();
        world.source.assign("Group", &["g1"]);
        world.source.tell("User", vec![person("u1", "ada@example.com")]);
        world.source.tell("Group", vec![present("g1", json!({"displayName": "List", "securityEnabled": enabled, "members+": ["u1"]}))]);
        assert_eq!(world.cycle().created, 0);
    }
}

#[test]
fn a_manager_is_written_once_both_are_there() {
    let world = World::new();
    world.source.assign("User", &["u1"]);
    world.source.tell(
        "User",
        vec![present("u1", json!({"mail": "ada@example.com", "displayName": "Ada", "manager+": ["u2"]})), person("u2", "bo@example.com")],
    );
    world.cycle();
    assert_eq!(manager(&world, "ada@example.com"), None);

    world.source.assign("User", &["u2"]);
    world.cycle();
    let boss = world.target.user("bo@example.com").unwrap().id().unwrap().to_owned();
    assert_eq!(manager(&world, "ada@example.com"), Some(boss));

    world.source.tell("User", vec![present("u1", json!({"manager-": ["u2"]}))]);
    world.cycle();
    assert_eq!(manager(&world, "ada@example.com"), None);
}

#[test]
fn an_unassigned_group_is_deleted() {
    let world = World::new();
    world.source.assign("Group", &["g1"]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Phones"}))]);
    world.cycle();
    world.source.unassign("g1");
    assert_eq!(world.cycle().deleted, 1);
    assert!(world.target.content("Group").is_empty());
    world.source.assign("Group", &["g1"]);
    assert_eq!(world.cycle().created, 1);
}

/// What was chosen, for how many objects, and what a listing and filters would have read.
fn matching(report: &CycleReport) -> (MatchingChoice, u64, Option<u64>, Option<u64>) {
    let decision = report.matching.get("User").unwrap();
    (decision.choice, decision.objects, decision.listing_reads, decision.filter_reads)
}

#[test]
fn what_reads_least_is_chosen_and_its_numbers_are_in_the_report() {
    let mut world = World::new();
    let people = |world: &World, numbers: std::ops::Range<u32>| {
        let ids: Vec<String> = numbers.clone().map(|number| format!("u{number:03}")).collect();
        world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let people = ids.iter().zip(numbers).map(|(id, number)| person(id, &format!("p{number}@example.com")));
        world.source.tell("User", people.collect());
    };
    people(&world, 0..1);
    assert_eq!(matching(&world.cycle()), (MatchingChoice::Queries, 1, None, Some(1)), "one object is one query");
    people(&world, 1..31);
    world.target.requests.lock().unwrap().clear();
    assert_eq!(matching(&world.cycle()), (MatchingChoice::Filters, 30, None, Some(1)), "as many as fit in one filter are one query");
    assert_eq!(finds(&world), 1);

    // 31 people on pages of three are eleven reads, a hundred in filters four.
    people(&world, 31..131);
    assert_eq!(matching(&world.cycle()), (MatchingChoice::Filters, 100, Some(11), Some(4)));
    // The service takes one comparison only.
    world.job.profile.limits.max_filter_terms = Some(1);
    people(&world, 131..231);
    assert_eq!(matching(&world.cycle()), (MatchingChoice::Listing, 100, Some(44), None));
    people(&world, 231..233);
    assert_eq!(matching(&world.cycle()), (MatchingChoice::Queries, 2, Some(77), None));
    assert_eq!(world.target.content("User").len(), 233);
}

fn finds(world: &World) -> usize {
    world.target.requests.lock().unwrap().iter().filter(|request| *request == "find User").count()
}

#[test]
fn a_filter_fits_into_an_address_and_keeps_the_limits_of_the_profile() {
    for (bytes, expected) in [(None, 2), (Some(700), 4), (Some(10), 20)] {
        let mut world = World::new();
        world.job.matching = MatchingPolicy::Filters;
        world.job.profile.limits.max_filter_length = bytes;
        let ids: Vec<String> = (10..30).map(|number| format!("u{number}")).collect();
        world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let name = "p".repeat(100);
        world.source.tell("User", ids.iter().map(|id| person(id, &format!("{name}{id}@example.com"))).collect());
        assert_eq!(world.cycle().created, 20);
        assert_eq!(finds(&world), expected, "{bytes:?}");
    }
}

#[test]
fn the_job_can_say_how_objects_are_looked_up() {
    for (policy, choice) in [
        (MatchingPolicy::Listing, MatchingChoice::Listing),
        (MatchingPolicy::Filters, MatchingChoice::Filters),
        (MatchingPolicy::Queries, MatchingChoice::Queries),
    ] {
        let mut world = World::new();
        world.job.matching = policy;
        world.target.plant("User", "x1", json!({"userName": "C@example.com"}));
        world.source.assign("User", &["u1", "u2"]);
        world.source.tell("User", vec![person("u1", "b@example.com"), person("u2", "c@example.com")]);
        let report = world.cycle();
        assert_eq!(report.matching.get("User").map(|decision| decision.choice), Some(choice));
        assert_eq!((report.created, report.updated), (1, 1), "{choice:?}: the one who is there is linked, whatever the case of the name");
    }
}

/// A value that the service's filters do not take fails its own object only.
#[test]
fn an_object_that_cannot_be_asked_for_does_not_hold_those_of_its_filter_back() {
    let world = World::new();
    world.target.unaskable.lock().unwrap().insert("odd".to_owned(), TargetErrorKind::Rejected);
    world.source.assign("User", &["u1", "u2", "u3"]);
    world.source.tell("User", vec![person("u1", "a@example.com"), person("u2", "odd@example.com"), person("u3", "c@example.com")]);
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (2, 1), "{report:?}");
    assert_eq!(report.matching.get("User").map(|decision| decision.choice), Some(MatchingChoice::Filters));
}

/// A service that answers a filter with something that nobody asked for is asked for each object alone.
#[test]
fn what_nobody_asked_for_links_nobody() {
    let mut world = World::new();
    world.job.matching = MatchingPolicy::Filters;
    world.target.plant("User", "x1", json!({"userName": "else@example.com"}));
    *world.target.ignores_filters.lock().unwrap() = Some(" or ");
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "a@example.com"), person("u2", "b@example.com")]);
    world.cycle();
    assert_eq!(finds(&world), 3, "one for both, then one for each");
}

#[test]
fn a_long_list_is_read_to_its_end() {
    let mut world = World::new();
    for number in 0..8 {
        world.target.plant("User", &format!("x{number}"), json!({"userName": format!("p{number}@example.com")}));
    }
    let ids: Vec<String> = (0..8).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.tell("User", (0..8).map(|number| person(&format!("u{number}"), &format!("P{number}@example.com"))).collect());
    world.job.matching = MatchingPolicy::Listing;
    let report = world.cycle();
    assert_eq!(matching(&report), (MatchingChoice::Listing, 8, Some(3), Some(1)));
    assert_eq!((report.created, report.updated), (0, 8));
}

#[test]
fn a_changed_job_evaluates_everything_again() {
    let mut world = World::with_linked_person();
    let mut mapping = user_mapping();
    mapping.attribute_mappings.push(scimkit_mapping::AttributeMapping::new("nickName", r#"Append([displayName], "!")"#));
    world.job = job(&[mapping, group_mapping()]);
    world.job.fingerprint = "2".to_owned();
    let report = world.cycle();
    assert_eq!((report.kind, report.updated), (Cycle::Initial, 1));
    assert_eq!(world.target.user("ada@example.com").unwrap().get("nickName").and_then(Value::as_str), Some("Person u1!"));
    assert_eq!(world.cycle().written(), 0);
}

#[test]
fn a_round_told_again_changes_nothing() {
    let world = World::with_linked_person();
    world.source.tell("User", vec![person("u1", "ada@example.com")]);
    assert_eq!(world.cycle().written(), 0);
    assert!(world.target.requests.lock().unwrap().is_empty());
}

#[test]
fn an_expired_position_starts_over_and_takes_who_is_missing_as_deleted() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.cycle();
    world.source.start_over("User", vec![person("u2", "bo@example.com")]);
    let report = world.cycle();
    assert_eq!((report.disabled, report.written()), (1, 1));
    assert_eq!(world.target.user("ada@example.com").unwrap().get("active"), Some(&Value::Boolean(false)));
    assert_eq!(world.cycle().written(), 0);
}

/// Such a source is broken rather than empty; once it is put right, everything goes on as if nothing had been.
#[test]
fn a_source_that_suddenly_shows_nothing_lets_nobody_leave() {
    let world = World::with_linked_person();
    world.source.start_over("User", Vec::new());
    for _ in 0..2 {
        let error = world.try_cycle().unwrap_err();
        assert!(matches!(&error, CycleError::Source(error) if error.kind == SourceErrorKind::Invalid), "{error}");
        let text = error.to_string();
        assert!(text.contains("type `User`") && text.contains("found none at all") && text.contains("`with_removals_allowed`"), "{text}");
    }
    assert!(world.target.requests.lock().unwrap().is_empty());

    world.source.start_over("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.assign("User", &["u2"]);
    let report = world.cycle();
    assert_eq!((report.created, report.written()), (1, 1));
    assert!(world.cycle().skipped.is_empty(), "later rounds tell only what changed");
}

#[test]
fn a_source_that_is_empty_indeed_lets_everybody_leave_once_the_removals_are_released() {
    let world = World::with_linked_person();
    world.source.start_over("User", Vec::new());
    world.try_cycle().unwrap_err();
    let report = block_on(world.engine().with_removals_allowed().run_cycle()).unwrap();
    assert_eq!((report.disabled, report.written()), (1, 1));
    world.source.start_over("User", Vec::new());
    assert_eq!(world.cycle().written(), 0, "nobody is there who could leave");

    let world = World::with_linked_person();
    world.source.start_over("User", Vec::new());
    world.try_cycle().unwrap_err();
    block_on(world.engine().restart(ResetScope::FORCE_DELETES)).unwrap();
    assert_eq!(world.cycle().disabled, 1);
}

#[test]
fn a_mapping_of_an_object_type_that_the_source_does_not_have_is_refused() {
    for name in ["user", "Person"] {
        let mut world = World::new();
        world.source.assign("User", &["u1"]);
        world.source.tell("User", vec![person("u1", "ada@example.com")]);
        let mut mapping = user_mapping();
        mapping.source_object_name = name.to_owned();
        world.job = job(&[mapping, group_mapping()]);
        let error = world.try_cycle().unwrap_err();
        let expected = "expected mappings of object types that the directory has (`User`, `Group`), found one of ";
        assert_eq!(error.to_string(), format!("{expected}`{name}`"));
        assert!(!error.is_transient());
        assert!(block_on(world.engine().plan_cycle()).is_err(), "nor is it planned");
        assert!(block_on(world.engine().provision_on_demand(name, "u1")).is_err());
        assert!(world.target.requests.lock().unwrap().is_empty());
        let quarantine = block_on(world.engine().status()).unwrap().status.quarantine;
        assert_eq!(quarantine.unwrap().reason, QuarantineReason::Unknown);
    }
}

#[test]
fn over_the_deletion_threshold_nothing_is_sent_until_it_is_released() {
    let mut world = World::new();
    world.source.assign("User", &["u1", "u2", "u3"]);
    world.source.tell("User", (1..4).map(|number| person(&format!("u{number}"), &format!("p{number}@example.com"))).collect());
    world.cycle();
    world.target.requests.lock().unwrap().clear();
    world.job.deletion_threshold = Some(1);
    world.source.unassign("u1");
    world.source.unassign("u2");
    world.source.tell("User", vec![present("u3", json!({"jobTitle": "Engineer"}))]);
    assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { planned: 2, threshold: 1 })));
    assert!(world.target.writes().is_empty());

    world.source.assign("User", &["u1"]);
    let report = world.cycle();
    assert_eq!((report.disabled, report.updated), (1, 1), "under the threshold the held changes go on");
}

/// Found by a simulation: a round from the beginning says nothing of a group that is away, nor does any later one say what has ended of it.
#[test]
fn what_was_away_during_a_round_from_the_beginning_is_told_whole_when_it_comes_back() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Crew", "members+": ["u1", "u2"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 2);

    world.source.tell("Group", vec![soft_deleted("g1")]);
    assert_eq!(world.cycle().deleted, 1);
    world.source.start_over("Group", Vec::new());
    assert_eq!(world.cycle().written(), 0);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Crew", "members+": ["u2"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 1);
    // What comes after that are changes again.
    world.source.tell("Group", vec![present("g1", json!({"members+": ["u1"]}))]);
    world.cycle();
    assert_eq!(members(&world).len(), 2);
}
