//! Large groups: what a change of one member costs, how much is held at once, and what becomes of older states and of kills.

#![expect(clippy::indexing_slicing, reason = "tests report by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scimkit_mapping::FlowType;
use scimkit_provisioning::{CycleError, Engine, Engines, Scope, Worker};
use scimkit_store::JobId;
use scimkit_store::state::{Batch, StateStore, Table};
use scimkit_types::{Clock, Value};
use serde_json::json;

use crate::counted::CountedState;
use crate::world::{Fault, World, block_on, group_mapping, job, person, present, user_mapping};

/// Writes to the state of a job as another version would.
fn write(world: &World, state: &CountedState, batch: Batch) {
    block_on(async {
        let job = &world.job.id;
        let lease = state.lease(job, "another", None, world.clock.now(), Duration::from_secs(60)).await.unwrap();
        state.commit(job, lease.fence, batch).await.unwrap();
        state.release(job, lease.fence).await.unwrap();
    });
}

fn rows(world: &World, state: &CountedState, table: Table) -> Vec<(String, String)> {
    block_on(state.scan(&world.job.id, table, "", None, usize::MAX)).unwrap()
}

fn id(number: usize) -> String {
    format!("u{number:05}")
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(id).collect()
}

/// A directory of so many people who are linked, and of a group.
fn linked(people: usize) -> (World, Arc<CountedState>) {
    let state = Arc::new(CountedState::default());
    let mut world = World::new();
    world.state = Arc::clone(&state) as _;
    world.job.scope = Scope::All;
    world.job.profile.limits.max_operations = Some(1000);
    let mut batch = Batch::new();
    for number in 0..people {
        let link = json!({"targetId": format!("t-{}", id(number)), "matchingKey": null, "exported": {}, "isManaged": true});
        batch.put(Table::Link, format!("User/{}", id(number)), link.to_string());
        batch.put(Table::LinkByTarget, format!("User/t-{}", id(number)), json!(id(number)).to_string());
    }
    write(&world, &state, batch);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Everybody"}))]);
    world.cycle();
    (world, state)
}

/// Tells that members come and go, some hundred in each change.
fn tell(world: &World, added: &[String], removed: &[String]) {
    let added = added.chunks(100).map(|ids| present("g1", json!({"members+": ids})));
    let removed = removed.chunks(100).map(|ids| present("g1", json!({"members-": ids})));
    world.source.tell("Group", added.chain(removed).collect());
}

/// The ids of the members in the service, in order.
fn members(world: &World) -> Vec<String> {
    let group = world.target.content("Group").pop().unwrap();
    let members = group.get("members").map(Value::elements).unwrap_or_default();
    let ids = members.iter().map(|member| member.as_complex().unwrap().get("value").unwrap().as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    ids
}

fn targets(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("t-{id}")).collect()
}

/// Adding and removing one member moves the same bytes through the state, however many there are.
#[test]
fn one_member_costs_the_same_in_a_group_of_any_size() {
    let bytes = [20, 20_000].map(|size| {
        let (world, state) = linked(size + 1);
        tell(&world, &ids(0..size), &[]);
        world.cycle();
        assert_eq!(members(&world).len(), size);
        state.take();
        tell(&world, &[id(size)], &[]);
        assert_eq!(world.cycle().updated, 1);
        let added = state.take().bytes;
        tell(&world, &[], &[id(7)]);
        assert_eq!(world.cycle().updated, 1);
        let removed = state.take().bytes;
        let mut expected = targets(&ids(0..=size));
        expected.remove(7);
        assert!(members(&world) == expected);
        [added, removed]
    });
    for (small, large) in bytes[0].into_iter().zip(bytes[1]) {
        // Numbers and positions have some digits more.
        assert!(small.abs_diff(large) < 100, "{bytes:?}");
        assert!(large < 20_000, "{bytes:?}");
    }
}

/// Who comes into an assigned group, or leaves it, is entitled or is not any more, and nobody else is looked at.
#[test]
fn entitlement_by_a_group_costs_the_same_in_a_group_of_any_size() {
    let bytes = [20, 2_000].map(|size| {
        let (mut world, state) = linked(size + 1);
        world.job.scope = Scope::Assigned;
        world.source.assign("Group", &["g1"]);
        world.source.assign("User", &[&id(3)]);
        tell(&world, &ids(0..size), &[]);
        world.cycle();
        let entitled = || rows(&world, &state, Table::Assignment).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        let users = |ids: Vec<String>| ids.iter().map(|id| format!("User/{id}")).collect::<Vec<_>>();
        assert!(entitled().ends_with(&users(ids(0..size))));
        state.take();
        tell(&world, &[id(size)], &[]);
        world.cycle();
        let added = state.take().bytes;
        assert!(entitled().ends_with(&users(ids(0..=size))));
        state.take();
        // One of the two who leave is assigned by itself.
        tell(&world, &[], &[id(3), id(5)]);
        world.cycle();
        let removed = state.take().bytes;
        let mut expected = users(ids(0..=size));
        expected.remove(5);
        assert!(entitled().ends_with(&expected));
        assert_eq!(entitled().len(), expected.len() + 1, "the group and its members");
        [added, removed]
    });
    for (small, large) in bytes[0].into_iter().zip(bytes[1]) {
        assert!(small.abs_diff(large) < 100, "{bytes:?}");
    }
}

/// What is held is some chunks of 256, however many members are new, gone or compared as a whole.
#[test]
fn large_groups_are_written_and_compared_in_chunks() {
    const MOST: usize = 2048;
    let (mut world, state) = linked(20_000);
    let all = ids(0..20_000);
    state.take();
    let check = |what: &str| {
        let counts = state.take();
        // Each reference that was written is a row, and had a mark.
        assert!(counts.largest_batch <= 2 * MOST + 16, "{what}: {counts:?}");
        assert!(counts.largest_read <= 256, "{what}: {counts:?}");
    };
    tell(&world, &all, &[]);
    world.cycle();
    check("a first write");
    assert!(members(&world) == targets(&all));
    let patches = world.target.writes().iter().filter(|request| request.starts_with("patch")).count();
    assert_eq!(patches, 20_000_usize.div_ceil(MOST));

    world.job.fingerprint = "2".to_owned();
    assert_eq!(world.cycle().written(), 0);
    check("a comparison of all");

    // The first change of the round tells a hundred members, so that all others have ended until they are told.
    world.source.start_over(
        "Group",
        all[100..].chunks(100).map(|ids| present("g1", json!({"displayName": "Everybody", "members+": ids}))).collect(),
    );
    world.cycle();
    check("a round that starts over");
    assert!(members(&world) == targets(&all[100..]));
}

/// Killed at any step of a write of several chunks, what was left is written, and nothing is taken for written that is not.
#[test]
fn a_kill_in_the_middle_of_a_chunked_write_loses_nothing() {
    let (world, state) = linked(2_300);
    let (all, mut begun) = (ids(0..2_300), 0);
    for lives in 1..40 {
        let group = format!("h{lives}");
        let told = all.chunks(1_000).map(|ids| present(&group, json!({"displayName": group, "members+": ids})));
        world.source.tell("Group", told.collect());
        state.fail_after(Some(lives));
        let killed = world.try_cycle();
        state.fail_after(None);
        world.advance(1);
        begun += usize::from(!rows(&world, &state, Table::Intent).is_empty());
        if killed.is_err() {
            world.cycle();
        }
        let found: Vec<usize> = world.target.content("Group").iter().map(count).collect();
        // The one that was there before has no members.
        assert!(found.iter().filter(|count| **count == all.len()).count() == lives, "killed after {lives} batches: {found:?}");
        assert_eq!(world.cycle().written(), 0, "killed after {lives} batches");
        for table in [Table::Touched, Table::Intent, Table::Waiting] {
            assert_eq!(rows(&world, &state, table).len(), 0, "killed after {lives} batches: {}", table.name());
        }
    }
    assert!(begun > 2, "kills met requests that were begun");
}

/// The same for members who go.
#[test]
fn a_kill_in_the_middle_of_a_chunked_removal_loses_nothing() {
    let (world, state) = linked(2_100);
    let (all, mut begun, mut batches) = (ids(0..2_100), 0, None);
    for before_the_end in [0, 5, 6, 7, 8] {
        tell(&world, &all, &[]);
        world.cycle();
        assert!(members(&world) == targets(&all));
        tell(&world, &[], &all[2..]);
        state.take();
        state.fail_after(batches.map(|batches: usize| batches - before_the_end));
        let killed = world.try_cycle();
        state.fail_after(None);
        let counted = state.take().batches;
        batches.get_or_insert(counted);
        assert_eq!(killed.is_err(), before_the_end > 0);
        world.advance(1);
        begun += usize::from(!rows(&world, &state, Table::Intent).is_empty());
        if killed.is_err() {
            world.cycle();
        }
        assert!(members(&world) == targets(&all[..2]), "killed {before_the_end} batches before the end: {}", members(&world).len());
        assert_eq!(world.cycle().written(), 0, "killed {before_the_end} batches before the end");
        assert_eq!(rows(&world, &state, Table::Touched).len(), 0, "killed {before_the_end} batches before the end");
    }
    assert!(begun > 0, "kills met requests that were begun");
}

fn count(group: &scimkit_types::Resource) -> usize {
    group.get("members").map_or(0, |members| members.elements().len())
}

/// A service that stops answering between two chunks.
#[test]
fn what_was_written_before_a_failure_is_not_written_again() {
    let (world, state) = linked(5_000);
    tell(&world, &ids(0..5_000), &[]);
    let sent = world.target.requests.lock().unwrap().len();
    world.target.faults.lock().unwrap().insert(sent + 2, Fault::Rejected);
    assert_eq!(world.cycle().failures(), 1);
    assert_eq!(members(&world).len(), 2_048);
    assert_eq!(world.cycle().written(), 0, "its time has not come");
    world.target.requests.lock().unwrap().clear();
    world.advance(6);
    world.cycle();
    assert_eq!(members(&world).len(), 5_000);
    assert_eq!(world.target.writes().len(), 2, "two thousand were written, and two requests of them are left");
    assert_eq!(rows(&world, &state, Table::Touched), []);
}

/// A list that flows only as long as the service has none is written to its end, also if it is broken off.
#[test]
fn a_list_that_flows_once_flows_as_a_whole() {
    let (mut world, _) = linked(3_000);
    let mut mapping = group_mapping();
    let is_members = |mapping: &scimkit_mapping::AttributeMapping| mapping.target_attribute_name == "members";
    mapping.attribute_mappings = mapping
        .attribute_mappings
        .into_iter()
        .map(|mapping| if is_members(&mapping) { mapping.with_flow_type(FlowType::AttributeAddOnly) } else { mapping })
        .collect();
    world.job.mappings = job(&[user_mapping(), mapping]).mappings;
    world.job.fingerprint = "once".to_owned();
    tell(&world, &ids(0..2_990), &[]);
    let sent = world.target.requests.lock().unwrap().len();
    world.target.faults.lock().unwrap().insert(sent + 2, Fault::Before);
    world.try_cycle().unwrap_err();
    assert_eq!(members(&world).len(), 2_048);
    world.cycle();
    assert_eq!(members(&world).len(), 2_990);
    tell(&world, &ids(2_990..3_000), &[id(0)]);
    assert_eq!(world.cycle().written(), 0, "there are some");
    assert_eq!(members(&world).len(), 2_990);
}

/// Makes of the state what an older version had: lists in the records and links. `has_referrers` tells how old it was.
fn make_older(world: &World, state: &CountedState, has_referrers: bool) {
    let mut batch = Batch::new();
    let mut lists: BTreeMap<(Table, String), BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (table, of) in [(Table::Reference, Table::Record), (Table::Written, Table::Link)] {
        for (key, text) in rows(world, state, table) {
            let parts: Vec<&str> = key.split('\u{1f}').collect();
            let [object, name, other] = parts.as_slice() else { panic!("{key:?}") };
            let id = match serde_json::from_str::<serde_json::Value>(&text).unwrap() {
                serde_json::Value::Null => (*other).to_owned(),
                row => row["sure"].as_str().unwrap_or_else(|| panic!("{row}")).to_owned(),
            };
            lists.entry((of, (*object).to_owned())).or_default().entry((*name).to_owned()).or_default().push(id);
        }
        batch.clear(table, "");
    }
    for ((table, key), lists) in lists {
        let text = block_on(state.get(&world.job.id, table, &key)).unwrap().unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        let owner = if table == Table::Record { &mut record["record"] } else { &mut record };
        for (name, mut ids) in lists {
            ids.sort_unstable();
            owner["references"][name] = json!(ids);
        }
        batch.put(table, key, record.to_string());
    }
    batch.clear(Table::Touched, "");
    if !has_referrers {
        batch.clear(Table::Referrer, "");
    }
    let mut record: serde_json::Value =
        serde_json::from_str(&block_on(state.get(&world.job.id, Table::Job, "job")).unwrap().unwrap()).unwrap();
    let members = record.as_object_mut().unwrap();
    assert_eq!(members.remove("hasReferenceRows"), Some(true.into()));
    if has_referrers {
        members.insert("hasReferrers".to_owned(), true.into());
    }
    batch.put(Table::Job, "job", record.to_string());
    write(world, state, batch);
}

fn everything(world: &World, state: &CountedState) -> Vec<(String, serde_json::Value)> {
    let tables = [Table::Record, Table::Reference, Table::Referrer, Table::Link, Table::Written];
    let rows = tables.into_iter().flat_map(|table| rows(world, state, table).into_iter().map(move |row| (table, row)));
    rows.map(|(table, (key, text))| (format!("{} {key}", table.name()), serde_json::from_str(&text).unwrap())).collect()
}

#[test]
fn lists_of_an_older_state_become_rows_in_chunks() {
    for has_referrers in [true, false] {
        let (world, state) = linked(1_000);
        tell(&world, &ids(0..990), &[]);
        world.cycle();
        let before = everything(&world, &state);
        make_older(&world, &state, has_referrers);
        assert!(everything(&world, &state) != before);
        state.take();
        assert_eq!(world.cycle().written(), 0);
        assert!(state.take().largest_batch <= 2 * 256 + 4);
        assert!(everything(&world, &state) == before);
        tell(&world, &ids(990..1_000), &ids(0..5));
        world.cycle();
        assert!(members(&world) == targets(&ids(5..1_000)));
    }
}

/// Makes the engine of the one job that there is.
#[derive(Debug)]
struct Sole(Engine);

#[async_trait::async_trait]
impl Engines for Sole {
    async fn engine(&self, _: &JobId) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

/// Whoever leaves a group after an upgrade is removed from it, also where only workers run the job.
#[test]
fn a_worker_brings_an_older_state_into_the_present_form() {
    let (world, state) = linked(10);
    tell(&world, &ids(0..10), &[]);
    world.cycle();
    let before = everything(&world, &state);
    make_older(&world, &state, true);
    block_on(world.engine().start()).unwrap();
    let store: Arc<dyn StateStore> = Arc::clone(&state) as _;
    let entropy = scimkit_mapping::SeededEntropy::new(1);
    let worker = Worker::new(Arc::new(Sole(world.engine())), store, Arc::clone(&world.clock) as _, &entropy);
    let run = || {
        world.clock.advance(Duration::from_hours(1));
        let runs = block_on(worker.run_due(1)).unwrap().runs;
        let [run] = runs.as_slice() else { panic!("{runs:?}") };
        run.outcome.as_ref().unwrap().as_ref().unwrap().written()
    };
    assert_eq!(run(), 0);
    assert!(everything(&world, &state) == before);
    tell(&world, &[], &ids(0..4));
    run();
    assert!(members(&world) == targets(&ids(4..10)));
}

/// A migration that is killed is done again.
#[test]
fn a_migration_can_be_killed_at_any_step() {
    let (world, state) = linked(600);
    tell(&world, &ids(0..600), &[]);
    world.cycle();
    let before = everything(&world, &state);
    for lives in 0..12 {
        make_older(&world, &state, true);
        state.fail_after(Some(lives));
        world.try_cycle().unwrap_err();
        state.fail_after(None);
        world.advance(1);
        assert_eq!(world.cycle().written(), 0, "killed after {lives} batches");
        assert!(everything(&world, &state) == before, "killed after {lives} batches");
    }
}

/// What an older version had read and not written, what it had begun and what it left in doubt is found.
#[test]
fn what_an_older_version_left_undone_is_done() {
    let (world, state) = linked(10);
    tell(&world, &ids(0..5), &[]);
    world.cycle();
    make_older(&world, &state, true);
    let mut batch = Batch::new();
    let get = |table, key: &str| -> serde_json::Value {
        serde_json::from_str(&block_on(state.get(&world.job.id, table, key)).unwrap().unwrap()).unwrap()
    };
    // It had read that one came, begun to add another one, and nobody knows whether a third one is there or a fourth one still is.
    let mut record = get(Table::Record, "Group/g1");
    record["record"]["references"]["members"] = json!(ids(0..7));
    batch.put(Table::Record, "Group/g1", record.to_string());
    batch.put(Table::Pending, "references/Group/g1", "null");
    let mut link = get(Table::Link, "Group/g1");
    link["doubtful"] = json!({"members": [format!("t-{}", id(3)), format!("t-{}", id(8))]});
    let target_id = link["targetId"].clone();
    batch.put(Table::Link, "Group/g1", link.to_string());
    let add = json!({"op": "add", "path": "members", "value": [{"value": format!("t-{}", id(9))}]});
    let intent = json!({
        "objectType": "Group", "sourceId": "g1", "basis": "", "layer": 0,
        "action": {
            "kind": "references", "target_id": target_id,
            "operations": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [add]},
            "references": {"members": targets(&[ids(0..5), ids(9..10)].concat())},
        },
    });
    batch.put(Table::Intent, "4294967295/00000000000000000000", intent.to_string());
    write(&world, &state, batch);
    let mut group = world.target.content("Group").remove(0);
    let there: Vec<serde_json::Value> = [0, 1, 2, 4, 8, 9].map(|number| json!({"value": format!("t-{}", id(number))})).to_vec();
    group.insert("members", serde_json::from_value::<Value>(there.into()).unwrap());
    world.target.replace("Group", group);
    world.cycle();
    assert_eq!(members(&world), targets(&ids(0..7)));
    assert_eq!(world.cycle().written(), 0);
}

/// Whoever has another account later is a member with that one, and whoever has the account of somebody else stays a member.
#[test]
fn members_follow_their_accounts() {
    let world = World::new();
    world.source.assign("User", &["u1", "u2"]);
    world.source.assign("Group", &["g1"]);
    world.source.tell("User", vec![person("u1", "ada@example.com"), person("u2", "bo@example.com")]);
    world.source.tell("Group", vec![present("g1", json!({"displayName": "Readers", "members+": ["u1", "u2"]}))]);
    world.cycle();
    let account = |name: &str| world.target.user(name).unwrap().id().unwrap().to_owned();
    let bo = account("bo@example.com");
    world.target.remove("User", "ada@example.com");
    world.source.tell("User", vec![present("u1", json!({"jobTitle": "Pilot"}))]);
    world.cycle();
    assert_eq!(members(&world), std::slice::from_ref(&bo));
    world.advance(6);
    world.cycle();
    let mut expected = [account("ada@example.com"), bo];
    expected.sort();
    assert_eq!(members(&world), expected);
    assert_eq!(world.cycle().written(), 0);
}

/// A kill must not leave the cycle's error unseen.
#[test]
fn a_killed_cycle_fails() {
    let (world, state) = linked(1);
    state.fail_after(Some(0));
    assert!(matches!(world.try_cycle().unwrap_err(), CycleError::State(_)));
}
