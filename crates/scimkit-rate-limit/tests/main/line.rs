use proptest::collection::vec;
use proptest::prelude::*;
use scimkit_rate_limit::{Line, Priority};

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(Priority),
    Serve,
    /// Whoever is at this place of those who wait gives up.
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Join(Priority::OnDemand)),
        2 => Just(Step::Join(Priority::Background)),
        4 => Just(Step::Serve),
        1 => (0_usize..20).prop_map(Step::Leave),
    ]
}

proptest! {
    /// On demand goes first, except for every fifth place while somebody in the background waits; within a priority the order is kept.
    #[test]
    fn on_demand_goes_first_and_nobody_starves(steps in vec(step(), 0..200)) {
        let mut line = Line::new();
        let mut waiting = Vec::new();
        let (mut next, mut passed_over) = (0, 0);
        for step in steps {
            match step {
                Step::Join(priority) => {
                    waiting.push((line.join(priority, next), priority, next));
                    next += 1;
                }
                Step::Serve => {
                    let Some(ticket) = line.first() else {
                        prop_assert!(waiting.is_empty());
                        continue;
                    };
                    let place = waiting.iter().position(|(other, ..)| *other == ticket).unwrap();
                    let (_, priority, number) = waiting.remove(place);
                    prop_assert_eq!(line.served(ticket), Some(number));
                    prop_assert!(!waiting.iter().any(|(_, other, earlier)| *other == priority && *earlier < number));
                    let waits = |wanted| waiting.iter().any(|(_, priority, _)| *priority == wanted);
                    if priority == Priority::OnDemand {
                        passed_over = if waits(Priority::Background) { passed_over + 1 } else { 0 };
                        prop_assert!(passed_over <= 4, "the background starves");
                    } else {
                        prop_assert!(!waits(Priority::OnDemand) || passed_over == 4, "the background goes first");
                        passed_over = 0;
                    }
                }
                Step::Leave(place) if place < waiting.len() => {
                    let (ticket, _, number) = waiting.remove(place);
                    prop_assert_eq!(line.leave(ticket), Some(number));
                    prop_assert_eq!(line.leave(ticket), None);
                }
                Step::Leave(_) => {}
            }
            prop_assert_eq!(line.len(), waiting.len());
        }
    }
}
