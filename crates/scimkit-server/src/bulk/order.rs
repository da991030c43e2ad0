//! In which order operations run: creates ahead of what refers to them, everything else as it was sent (R7644-3.7-13).

/// Groups of operations in the order in which they run. Operations of one group refer to each other in a circle and come as they were
/// sent; nearly all groups have one operation. `edges` holds, for each operation, the operations that it refers to.
///
/// These are the strongly connected components as Tarjan finds them: each after those that it refers to. The stack is a list, so that a
/// long chain of references cannot overflow the thread's.
pub(super) fn groups(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search { nodes: vec![Node::default(); edges.len()], open: Vec::new(), visited: 0, groups: Vec::new() };
    for start in 0..edges.len() {
        if search.nodes.get(start).is_some_and(|node| node.number.is_none()) {
            search.visit(start, edges);
        }
    }
    search.groups
}

#[derive(Clone, Default)]
struct Node {
    /// When the node was found.
    number: Option<usize>,
    /// The earliest node that is known to be reachable and is still open.
    lowest: usize,
    is_open: bool,
}

struct Search {
    nodes: Vec<Node>,
    open: Vec<usize>,
    visited: usize,
    groups: Vec<Vec<usize>>,
}

impl Search {
    fn visit(&mut self, start: usize, edges: &[Vec<usize>]) {
        self.enter(start);
        let mut path = vec![(start, edges.get(start).map(Vec::as_slice).unwrap_or_default().iter())];
        while let Some((node, targets)) = path.last_mut() {
            let node = *node;
            if let Some(&target) = targets.next() {
                match self.nodes.get(target) {
                    Some(Node { number: None, .. }) => {
                        self.enter(target);
                        path.push((target, edges.get(target).map(Vec::as_slice).unwrap_or_default().iter()));
                    }
                    Some(Node { number: Some(number), is_open: true, .. }) => self.lower(node, *number),
                    _ => {}
                }
                continue;
            }
            path.pop();
            let Some(found) = self.nodes.get(node).cloned() else { continue };
            if found.number == Some(found.lowest) {
                self.close(node);
            }
            if let Some((parent, _)) = path.last() {
                let parent = *parent;
                self.lower(parent, found.lowest);
            }
        }
    }

    fn enter(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            *node = Node { number: Some(self.visited), lowest: self.visited, is_open: true };
            self.open.push(index);
            self.visited += 1;
        }
    }

    fn lower(&mut self, index: usize, to: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.lowest = node.lowest.min(to);
        }
    }

    fn close(&mut self, root: usize) {
        let mut group = Vec::new();
        while let Some(index) = self.open.pop() {
            if let Some(node) = self.nodes.get_mut(index) {
                node.is_open = false;
            }
            group.push(index);
            if index == root {
                break;
            }
        }
        group.sort_unstable();
        self.groups.push(group);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn creates_come_ahead_of_what_refers_to_them() {
        assert_eq!(groups(&[vec![], vec![], vec![]]), [[0], [1], [2]]);
        assert_eq!(groups(&[vec![2], vec![], vec![1]]), [[1], [2], [0]]);
        assert_eq!(groups(&[vec![1], vec![0], vec![2]]), [vec![0, 1], vec![2]]);
        assert_eq!(groups(&[vec![3], vec![3], vec![1], vec![2]]), [vec![1, 2, 3], vec![0]]);
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|index| if index < 199_999 { vec![index + 1] } else { vec![] }).collect();
        assert_eq!(groups(&edges).len(), 200_000);
    }

    fn reaches(edges: &[Vec<usize>], from: usize) -> Vec<bool> {
        let (mut seen, mut open) = (vec![false; edges.len()], vec![from]);
        while let Some(index) = open.pop() {
            for &target in &edges[index] {
                if !std::mem::replace(&mut seen[target], true) {
                    open.push(target);
                }
            }
        }
        seen
    }

    proptest! {
        /// Every operation runs once, after what it refers to; only those that refer to each other run together.
        #[test]
        fn groups_are_circles_and_in_order(edges in prop::collection::vec(prop::collection::vec(0_usize..8, 0..4), 8)) {
            let groups = groups(&edges);
            let mut all: Vec<usize> = groups.concat();
            let mut place = [0; 8];
            for (at, group) in groups.iter().enumerate() {
                for &index in group {
                    place[index] = at;
                }
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..8).collect::<Vec<_>>());
            let reached: Vec<Vec<bool>> = (0..8).map(|from| reaches(&edges, from)).collect();
            for from in 0..8 {
                for to in 0..8 {
                    let is_circle = from == to || (reached[from][to] && reached[to][from]);
                    prop_assert_eq!(place[from] == place[to], is_circle);
                    prop_assert!(!reached[from][to] || place[to] <= place[from]);
                }
            }
        }
    }
}
