//! Whatever happens on the way, a deployment ends as its directory, its mappings and its assignments say.
//!
//! `SCIMKIT_SIMULATION_SEED=17` runs one seed alone, `SCIMKIT_SIMULATION_SEEDS=1000` as many from the first, which
//! `SCIMKIT_SIMULATION_FIRST` moves.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use scimkit_e2e::simulation::{Change, Event, Meanwhile, Object, Other, Scenario, Stats, simulate};
use scimkit_provisioning::ResetScope;
use scimkit_testing::Fault;

/// How many seeds are run unless it is said otherwise.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Runs a scenario; a panic is a fault like any other.
fn run(scenario: &Scenario) -> Result<Stats, String> {
    catch_unwind(AssertUnwindSafe(|| simulate(scenario)))
        .unwrap_or_else(|panic| Err(scimkit_e2e::simulation::Violation(format!("a panic: {:?}", panic.downcast_ref::<String>()))))
        .map_err(|violation| violation.to_string())
}

/// Convergence, idempotence, crash safety, least touch, deletion guard, quota and one owner (invariants 14 to 20), against a model.
#[test]
fn every_deployment_ends_as_its_directory_says() {
    let seeds = match number("SCIMKIT_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("SCIMKIT_SIMULATION_FIRST").unwrap_or(1);
            first..first + number("SCIMKIT_SIMULATION_SEEDS").unwrap_or(SEEDS)
        }
    };
    let (mut all, mut failures) = (Stats::default(), Vec::new());
    for seed in seeds.clone() {
        let scenario = Scenario::from_seed(seed);
        match run(&scenario) {
            Ok(stats) => all += stats,
            Err(violation) => {
                println!("seed {seed}: {}", violation.chars().take(400).collect::<String>());
                failures.push((seed, violation));
            }
        }
    }
    println!("{} seeds, {} failures: {all:?}", seeds.end - seeds.start, failures.len());
    let Some((seed, violation)) = failures.first() else { return };
    // The kind of fault is kept while the scenario is made smaller.
    let kind = violation.split(':').next().unwrap_or_default().to_owned();
    let least = Scenario::from_seed(*seed).shrunk(|smaller| run(smaller).is_err_and(|violation| violation.starts_with(&kind)));
    let found = run(&least).unwrap_err();
    panic!("SCIMKIT_SIMULATION_SEED={seed} cargo test -p scimkit-e2e --test simulation\n{violation}\nsmallest: {least:#?}\n{found}");
}

/// The same seed runs the same, so that what is found can be found again.
#[test]
fn a_seed_always_runs_the_same() {
    for seed in 1..=5 {
        let scenario = Scenario::from_seed(seed);
        assert_eq!(run(&scenario), run(&scenario), "seed {seed}");
    }
}

/// Found by a simulation: an account was made twice, as the service could not be asked whether it had made the first one, and the name had
/// changed when it could.
#[test]
fn what_may_have_been_made_is_looked_for_by_the_name_as_sent() {
    let mut renamed = Scenario::of(
        1,
        0,
        &[
            (0, Event::Request(2, Fault::AnswerAfter(500))),
            (0, Event::Request(3, Fault::AnswerBefore(403))),
            (1, Event::Change(Change::Rename(0))),
        ],
    );
    renamed.defends_itself = false;
    run(&renamed).unwrap();
}

/// Found by a simulation: somebody whose account may have been made left before the service could be asked, and it stayed active, as what
/// was begun was forgotten for others who left with them.
#[test]
fn who_leaves_with_others_before_their_account_is_found_is_disabled() {
    for request in 2..=4 {
        let lost = [
            (1, Event::Change(Change::Join(4))),
            (1, Event::Request(request, Fault::AnswerAfter(500))),
            (1, Event::Request(request + 1, Fault::AnswerBefore(200))),
            (2, Event::Change(Change::Exodus(0, 5))),
            (2, Event::Request(2, Fault::AnswerBefore(200))),
        ];
        run(&Scenario::of(4, 0, &lost)).unwrap();
    }
}

/// Found by a simulation: the answer to an update could not be read, and when the change was taken back, nothing was sent.
#[test]
fn what_is_taken_back_after_an_uncertain_update_is_written_again() {
    let title = |title| Event::Change(Change::Title(0, title));
    let attribute = [(1, title(1)), (1, Event::Request(1, Fault::Truncate)), (2, title(0))];
    run(&Scenario::of(1, 0, &attribute)).unwrap();
    let member = |is_in| Event::Change(Change::Member(0, 3, is_in));
    let reference = [(1, member(true)), (1, Event::Request(1, Fault::Truncate)), (2, member(false))];
    run(&Scenario::of(4, 1, &reference)).unwrap();
}

/// Found by a simulation: somebody whose adoption was answered by nothing readable left, and the account stayed active.
#[test]
fn who_leaves_after_an_uncertain_adoption_is_disabled() {
    for request in 1..=4 {
        let events = [(0, Event::Request(request, Fault::Truncate)), (1, Event::Change(Change::Employ(0, false)))];
        let mut adopted = Scenario::of(2, 0, &events);
        adopted.adopted = 2;
        run(&adopted).unwrap();
    }
}

/// Found by a simulation: somebody who was disabled while another one had their new name kept the old name when that one gave it up.
#[test]
fn who_is_disabled_before_their_name_is_free_gets_it_later() {
    let events = [(1, Event::Change(Change::Swap(0, 1))), (1, Event::Change(Change::Enable(0, false)))];
    run(&Scenario::of(2, 0, &events)).unwrap();
}

/// Found by a simulation: what was provisioned on demand by a mapping that was taken back before the next cycle stayed as it was.
#[test]
fn a_mapping_that_is_taken_back_after_provisioning_on_demand_counts_again() {
    let events = [(1, Event::Mapping), (1, Event::Pause), (1, Event::OnDemand(Object::Person(0), 0)), (2, Event::Mapping)];
    run(&Scenario::of(2, 0, &events)).unwrap();
}

/// Found by a simulation: an account was taken for deleted, as a gateway had answered with a page of its own and 200.
#[test]
fn a_page_of_a_gateway_deletes_nobody() {
    let deleted = [(1, Event::Change(Change::Delete(1, true))), (1, Event::Request(1, Fault::AnswerBefore(200)))];
    run(&Scenario::of(2, 0, &deleted)).unwrap();
}

/// Found by a simulation: a reference that ended while the directory's positions expired stayed in the target.
#[test]
fn references_that_ended_while_positions_expired_are_taken_away() {
    let deleted = Scenario::of(6, 0, &[(1, Event::Change(Change::Expire)), (1, Event::Change(Change::Delete(1, true)))]);
    run(&deleted).unwrap();
    let alone = |number| (1, Event::Change(Change::Member(0, number, false)));
    let emptied = Scenario::of(3, 1, &[alone(0), alone(1), alone(2), (1, Event::Change(Change::Expire))]);
    run(&emptied).unwrap();
}

/// Found by a simulation: a group that was away while everything was read again came back with somebody who had been deleted meanwhile.
#[test]
fn a_group_that_comes_back_after_a_restart_has_the_members_that_it_has() {
    let change = |step, change| (step, Event::Change(change));
    let away = [
        change(1, Change::DeleteGroup(0, false)),
        change(2, Change::Delete(1, true)),
        (2, Event::Restart(ResetScope::WATERMARK)),
        change(3, Change::RestoreGroup(0)),
    ];
    run(&Scenario::of(2, 1, &away)).unwrap();
}

/// Found by a simulation: whoever came back into the scope with a disabled account was left alone as if they were still out of it.
#[test]
fn who_comes_back_into_the_scope_while_disabled_is_managed_again() {
    let back = [
        (1, Event::Change(Change::Employ(0, false))),
        (2, Event::Change(Change::Enable(0, false))),
        (2, Event::Change(Change::Employ(0, true))),
        (3, Event::Change(Change::Rename(0))),
    ];
    run(&Scenario::of(2, 0, &back)).unwrap();
}

/// Found by a simulation: somebody who waited for a name for four weeks did not get it when it was free at last.
#[test]
fn who_waits_for_a_name_gets_it_however_long_that_takes() {
    let change = |step, change| (step, Event::Change(change));
    let mut chain = Scenario::of(
        8,
        0,
        &[
            change(1, Change::Swap(6, 2)),
            change(1, Change::SoftDelete(6)),
            change(3, Change::Swap(1, 2)),
            change(4, Change::Swap(7, 1)),
            change(6, Change::Delete(7, true)),
        ],
    );
    chain.waits = vec![2, 1, 3, 3, 1, 964, 1];
    run(&chain).unwrap();
}

/// What others changed in an account while its person was out of the scope is put right when they come back, without looking for drift.
#[test]
fn who_comes_back_gets_an_account_as_it_is_to_be() {
    let employ = |step, is_employee| (step, Event::Change(Change::Employ(0, is_employee)));
    let back = Scenario::of(2, 0, &[employ(1, false), (2, Event::Other(Other::Title(0))), employ(3, true)]);
    let stats = run(&back).unwrap();
    assert_eq!(stats.let_go, 1);
}

/// What a plan was made from may change before it is applied: those actions are passed over and the next cycle does what is right.
#[test]
fn actions_of_a_plan_whose_accounts_changed_meanwhile_are_passed_over() {
    let renamed = (1, Event::Change(Change::Title(0, 3)));
    let others = [(Other::Title(0), 1), (Other::Remove(0), 1), (Other::Nickname(0), 0), (Other::Title(1), 0)];
    for (other, outdated) in others {
        let stats = run(&Scenario::of(2, 0, &[renamed, (1, Event::Plan(Meanwhile::Drift(other), 0))])).unwrap();
        assert_eq!(stats.outdated, outdated, "{other:?}");
    }
}

/// Found by a simulation: somebody who was provisioned on demand and left before the first cycle stayed active.
#[test]
fn who_is_provisioned_on_demand_and_leaves_before_the_first_cycle_is_disabled() {
    let leave = Event::Change(Change::SoftDelete(0));
    let mut early = Scenario::of(2, 0, &[(0, Event::OnDemand(Object::Person(0), 0)), (0, Event::Pause), (1, leave)]);
    early.reads_one = true;
    run(&early).unwrap();
}

/// Found by a simulation: an account that was let go and became another person's kept the memberships of the one who had it before.
#[test]
fn an_account_that_becomes_another_persons_has_no_memberships_of_the_one_before() {
    let change = |step, change| (step, Event::Change(change));
    let mut passed_on = Scenario::of(
        4,
        3,
        &[
            change(3, Change::Employ(3, false)),
            change(4, Change::Swap(3, 1)),
            (6, Event::Other(Other::Remove(1))),
            change(9, Change::Delete(3, false)),
        ],
    );
    (passed_on.defends_itself, passed_on.is_narrow) = (false, true);
    passed_on.waits = vec![2, 2, 3, 3, 3, 2, 2, 2, 2, 954];
    run(&passed_on).unwrap();
}

/// A scope that is narrowed to the assigned and widened again takes accounts and groups away and gives them back, whatever the guard held.
#[test]
fn a_scope_that_is_narrowed_and_widened_again_lets_go_and_takes_back() {
    let events = [(1, Event::Scope(true)), (2, Event::Change(Change::Title(2, 5))), (2, Event::Change(Change::Rename(2)))];
    run(&Scenario::of(9, 2, &events)).unwrap();
    let back = [(3, Event::Scope(false)), (4, Event::Change(Change::Title(5, 2)))];
    run(&Scenario::of(9, 2, &[events.as_slice(), &back].concat())).unwrap();
    let guarded = [(0, Event::Threshold(Some(1))), (1, Event::Scope(true)), (2, Event::Scope(false))];
    assert!(run(&Scenario::of(9, 2, &guarded)).unwrap().held > 0);
}

/// A threshold that comes between two cycles holds the next one, and one that is taken away holds nothing.
#[test]
fn a_threshold_holds_from_the_cycle_after_it_was_set() {
    let exodus = (1, Event::Change(Change::Exodus(0, 5)));
    let held =
        |threshold| run(&Scenario::of(8, 0, &[(0, Event::Threshold(Some(2))), (1, Event::Threshold(threshold)), exodus])).unwrap().held;
    assert_eq!((held(Some(2)) > 0, held(Some(5)), held(None)), (true, 0, 0));
}
