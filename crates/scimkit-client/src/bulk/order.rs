//! In which order operations are sent that refer to each other.

/// The operations in an order in which each comes after those that it refers to, as groups: a group holds the operations that refer to each
/// other in a circle, which must be sent together. Otherwise the order is kept. `references[i]` are those that operation `i` refers to.
///
/// These are the strongly connected components as Tarjan finds them, with a stack of its own in the place of recursion.
pub(super) fn groups(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        found_at: vec![None; references.len()],
        lowest: vec![0; references.len()],
        is_open: vec![false; references.len()],
        open: Vec::new(),
        next: 0,
        groups: Vec::new(),
    };
    for root in 0..references.len() {
        if search.found_at.get(root).is_some_and(Option::is_none) {
            search.visit(root, references);
        }
    }
    search.groups
}

struct Search {
    /// The number under which an operation was found.
    found_at: Vec<Option<usize>>,
    /// The lowest number that can be reached from it.
    lowest: Vec<usize>,
    is_open: Vec<bool>,
    open: Vec<usize>,
    next: usize,
    groups: Vec<Vec<usize>>,
}

impl Search {
    fn visit(&mut self, root: usize, references: &[Vec<usize>]) {
        // An operation, and how many of its references were looked at.
        let mut path = vec![(root, 0)];
        self.find(root);
        while let Some((node, looked)) = path.pop() {
            let reference = references.get(node).and_then(|list| list.get(looked)).copied();
            let Some(reference) = reference else {
                self.leave(node);
                if let Some((parent, _)) = path.last().copied() {
                    self.lower(parent, self.lowest(node));
                }
                continue;
            };
            path.push((node, looked + 1));
            match self.found_at.get(reference).copied().flatten() {
                None => {
                    self.find(reference);
                    path.push((reference, 0));
                }
                Some(found_at) if self.is_open.get(reference).is_some_and(|open| *open) => self.lower(node, found_at),
                Some(_) => {}
            }
        }
    }

    fn find(&mut self, node: usize) {
        if let (Some(found_at), Some(lowest), Some(is_open)) =
            (self.found_at.get_mut(node), self.lowest.get_mut(node), self.is_open.get_mut(node))
        {
            (*found_at, *lowest, *is_open) = (Some(self.next), self.next, true);
        }
        self.next += 1;
        self.open.push(node);
    }

    fn leave(&mut self, node: usize) {
        if self.found_at.get(node).copied().flatten() != Some(self.lowest(node)) {
            return;
        }
        let mut group = Vec::new();
        while let Some(member) = self.open.pop() {
            if let Some(is_open) = self.is_open.get_mut(member) {
                *is_open = false;
            }
            group.push(member);
            if member == node {
                break;
            }
        }
        group.sort_unstable();
        self.groups.push(group);
    }

    fn lowest(&self, node: usize) -> usize {
        self.lowest.get(node).copied().unwrap_or_default()
    }

    fn lower(&mut self, node: usize, to: usize) {
        if let Some(lowest) = self.lowest.get_mut(node) {
            *lowest = to.min(*lowest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[track_caller]
    fn check(references: &[&[usize]], expected: &[&[usize]]) {
        let references: Vec<Vec<usize>> = references.iter().map(|list| list.to_vec()).collect();
        assert_eq!(groups(&references), expected);
    }

    #[test]
    fn operations_keep_their_order_unless_they_refer_to_later_ones() {
        check(&[&[], &[], &[]], &[&[0], &[1], &[2]]);
        check(&[&[], &[0], &[0, 1]], &[&[0], &[1], &[2]]);
        check(&[&[2], &[], &[]], &[&[2], &[0], &[1]]);
        check(&[&[1], &[2], &[3], &[]], &[&[3], &[2], &[1], &[0]]);
    }

    #[test]
    fn circles_stay_together() {
        check(&[&[1], &[0], &[]], &[&[0, 1], &[2]]);
        check(&[&[0], &[3], &[1], &[2], &[2]], &[&[0], &[1, 2, 3], &[4]]);
        check(&[&[2], &[], &[1, 0]], &[&[1], &[0, 2]]);
    }

    #[test]
    fn a_long_chain_takes_no_stack() {
        let length = 100_000;
        let chain: Vec<Vec<usize>> = (0..length).map(|index| if index + 1 < length { vec![index + 1] } else { Vec::new() }).collect();
        assert_eq!(groups(&chain).len(), length);
    }
}
