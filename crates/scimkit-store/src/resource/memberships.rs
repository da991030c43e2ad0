//! Of which resources another one is a member, directly and through others.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// How many levels of nesting [`memberships`](super::ResourceStore::memberships) follows, direct memberships being the first.
pub const MAX_LEVELS: usize = 64;

/// A resource, such as a group, that has another one as a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Membership {
    /// The name of the type of the group.
    pub resource_type: String,
    /// The id of the group.
    pub id: String,
    /// The `displayName` of the group, if it has one.
    pub display: Option<String>,
    /// Whether the resource is among the members of the group itself, and not only of groups below it.
    pub is_direct: bool,
}

impl Membership {
    /// A membership.
    pub const fn new(resource_type: String, id: String, display: Option<String>, is_direct: bool) -> Self {
        Self { resource_type, id, display, is_direct }
    }
}

/// That a group has a member.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// The key of the member.
    pub(crate) member: String,
    pub(crate) id: String,
    pub(crate) resource_type: String,
    pub(crate) display: Option<String>,
}

/// The memberships of resources, given by their keys, among edges: ordered by id and type; a group is there once, and nobody is
/// indirectly a member of itself, so that circles of groups end.
pub(crate) fn memberships_of<'a>(
    keys: impl Iterator<Item = Cow<'a, str>>,
    edges: &[Edge],
    key: fn(&str) -> Cow<'_, str>,
) -> Vec<Vec<Membership>> {
    let mut by_member: HashMap<&str, Vec<&Edge>> = HashMap::new();
    for edge in edges {
        by_member.entry(&edge.member).or_default().push(edge);
    }
    let of = |start: Cow<'_, str>| {
        let mut seen: HashSet<(&str, &str)> = HashSet::new();
        let mut found = Vec::new();
        let mut level: Vec<Cow<'_, str>> = vec![Cow::Borrowed(&*start)];
        for depth in 0..MAX_LEVELS {
            let edges = level.iter().flat_map(|member| by_member.get(&**member).into_iter().flatten());
            let new: Vec<&Edge> = edges
                .copied()
                .filter(|edge| (depth == 0 || *key(&edge.id) != *start) && seen.insert((&edge.resource_type, &edge.id)))
                .collect();
            if new.is_empty() {
                break;
            }
            level = new.iter().map(|edge| key(&edge.id)).collect();
            found.extend(
                new.into_iter().map(|edge| Membership::new(edge.resource_type.clone(), edge.id.clone(), edge.display.clone(), depth == 0)),
            );
        }
        found.sort_by(|left, right| (&left.id, &left.resource_type).cmp(&(&right.id, &right.resource_type)));
        found
    };
    keys.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain longer than what is followed ends there, and a circle ends where it began.
    #[test]
    fn nesting_is_followed_so_far_and_no_further() {
        let edge = |member: String, id: String| Edge { member, id, resource_type: "Group".to_owned(), display: None };
        let chain: Vec<Edge> = (0..100).map(|n| edge(format!("{n:03}"), format!("{:03}", n + 1))).collect();
        let found = memberships_of(["000".into(), "090".into()].into_iter(), &chain, |id| Cow::Borrowed(id));
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LEVELS, 10]);
        let circle: Vec<Edge> = (0..3).map(|n| edge(n.to_string(), ((n + 1) % 3).to_string())).collect();
        let found = memberships_of(["0".into()].into_iter(), &circle, |id| Cow::Borrowed(id));
        assert_eq!(found[0].iter().map(|found| (found.id.as_str(), found.is_direct)).collect::<Vec<_>>(), [("1", true), ("2", false)]);
    }
}
