//! Strategies of `proptest`.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::change::Change;

/// Lists of so many changes of a directory of so many people and groups, at least one of each. A failing list is made shorter, and its
/// people and groups the first ones.
///
/// ```
/// use proptest::prelude::*;
/// use scimkit_testing::directory::{Directory, changes};
///
/// proptest!(|(happened in changes(5, 2, 0..=20))| {
///     let directory = Directory::new(5, 2, false);
///     happened.iter().for_each(|change| directory.apply(*change));
///     prop_assert!(directory.look().people.len() >= 5);
/// });
/// ```
pub fn changes(people: usize, groups: usize, count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(people.max(1), groups.max(1)), count)
}

fn change(people: usize, groups: usize) -> impl Strategy<Value = Change> {
    let (person, group) = (0..people, 0..groups);
    let with = move |make: fn(usize, bool) -> Change| (0..people, any::<bool>()).prop_map(move |(number, is)| make(number, is));
    let of_group = move |make: fn(usize, bool) -> Change| (0..groups, any::<bool>()).prop_map(move |(number, is)| make(number, is));
    prop_oneof![
        2 => (person.clone(), 0..9_u32).prop_map(|(number, title)| Change::Title(number, title)),
        1 => person.clone().prop_map(Change::Rename),
        2 => (person.clone(), person.clone()).prop_map(|(left, right)| Change::Swap(left, right)),
        2 => with(Change::Employ),
        2 => with(Change::Enable),
        3 => (group.clone(), person.clone(), any::<bool>()).prop_map(|(group, person, is_in)| Change::Member(group, person, is_in)),
        2 => with(Change::AssignPerson),
        1 => of_group(Change::AssignGroup),
        1 => group.clone().prop_map(Change::RenameGroup),
        1 => of_group(Change::DeleteGroup),
        1 => group.prop_map(Change::RestoreGroup),
        1 => (person.clone(), prop::option::of(person.clone())).prop_map(|(number, manager)| Change::Manager(number, manager)),
        1 => (people..people + 5).prop_map(Change::Join),
        1 => person.clone().prop_map(Change::SoftDelete),
        1 => person.clone().prop_map(Change::Restore),
        1 => with(Change::Delete),
        1 => prop_oneof![
            (person, 3..9_usize).prop_map(|(from, count)| Change::Exodus(from, count)),
            Just(Change::Expire),
            Just(Change::Replay),
        ],
    ]
}
