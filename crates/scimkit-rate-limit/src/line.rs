//! Who is next.

use std::collections::VecDeque;

/// How urgent a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "whoever keeps a line handles both")]
pub enum Priority {
    /// Somebody waits for it.
    OnDemand,
    /// Nobody waits for it: work of a cycle.
    #[default]
    Background,
}

/// Of so many in a row who are served on demand while others wait in the background, the next is of the background.
const IN_A_ROW: u32 = 4;

/// A waiting line with two priorities in which nobody starves.
///
/// Those on demand come before those in the background, each in the order in which they came; but when four on demand were served while
/// somebody in the background waited, the next place is the background's. So at least every fifth place is the background's while it waits.
#[derive(Debug)]
pub struct Line<T> {
    on_demand: VecDeque<(u64, T)>,
    background: VecDeque<(u64, T)>,
    next_number: u64,
    in_a_row: u32,
}

/// A place in a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    priority: Priority,
    number: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Line<T> {
    /// A line in which nobody waits.
    pub const fn new() -> Self {
        Self { on_demand: VecDeque::new(), background: VecDeque::new(), next_number: 0, in_a_row: 0 }
    }

    /// Gets in line.
    pub fn join(&mut self, priority: Priority, value: T) -> Ticket {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.places(priority).push_back((number, value));
        Ticket { priority, number }
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<Ticket> {
        let front = |priority, places: &VecDeque<(u64, T)>| places.front().map(|(number, _)| Ticket { priority, number: *number });
        let on_demand = front(Priority::OnDemand, &self.on_demand);
        let background = front(Priority::Background, &self.background);
        if self.in_a_row < IN_A_ROW { on_demand.or(background) } else { background.or(on_demand) }
    }

    /// Leaves the line because it was one's turn and one was served.
    pub fn served(&mut self, ticket: Ticket) -> Option<T> {
        let value = self.leave(ticket)?;
        let delays = ticket.priority == Priority::OnDemand && !self.background.is_empty();
        self.in_a_row = if delays { self.in_a_row.saturating_add(1) } else { 0 };
        Some(value)
    }

    /// Leaves the line without being served.
    pub fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let places = self.places(ticket.priority);
        // Numbers are in ascending order.
        let place = places.binary_search_by_key(&ticket.number, |(number, _)| *number).ok()?;
        places.remove(place).map(|(_, value)| value)
    }

    /// What was brought to a place.
    pub fn value_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        let places = self.places(ticket.priority);
        let place = places.binary_search_by_key(&ticket.number, |(number, _)| *number).ok()?;
        places.get_mut(place).map(|(_, value)| value)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.on_demand.len() + self.background.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn places(&mut self, priority: Priority) -> &mut VecDeque<(u64, T)> {
        match priority {
            Priority::OnDemand => &mut self.on_demand,
            Priority::Background => &mut self.background,
        }
    }
}
