//! What happens in a simulation: made from a seed, and made smaller when it fails.

use std::time::Duration;

use scimkit_client::TransportErrorKind;
use scimkit_provisioning::ResetScope;
use scimkit_testing::{Draw, Fault};

use crate::job::ServiceKind;
use crate::killed_state::CommitFault;
use scimkit_testing::directory::Change;

/// A simulation as a value: the same one always runs the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// What latencies are drawn from.
    pub seed: u64,
    /// The service.
    pub service: ServiceKind,
    /// Whether the service refuses a second user of a name.
    pub defends_itself: bool,
    /// How many people there are at first.
    pub people: usize,
    /// How many groups there are.
    pub groups: usize,
    /// How many accounts of others the service has.
    pub others: usize,
    /// How many people have an account before the first cycle.
    pub adopted: usize,
    /// Whether only the assigned are in scope at first.
    pub assigns: bool,
    /// Whether the directory tells of one object by itself.
    pub reads_one: bool,
    /// Whether the state is in SQLite.
    pub is_on_disk: bool,
    /// Whether the service with groups is like AWS: it shows no members, takes few at once, and filters by `eq` alone.
    pub is_narrow: bool,
    /// Whether the service takes bulk requests.
    pub takes_bulk: bool,
    /// How many removals a cycle may do at first.
    pub threshold: Option<u64>,
    /// How many intervals of 40 minutes pass before each step.
    pub waits: Vec<u32>,
    /// What happens, each at its step.
    pub events: Vec<(usize, Event)>,
}

/// Something that happens in a step. Requests, writes and reads are counted from 1 in the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// In the directory, before the step's first cycle.
    Change(Change),
    /// In the directory, after the first worker of the step was killed.
    LateChange(Change),
    /// Another mapping of the title.
    Mapping,
    /// From now on only the assigned are in scope, or everybody is.
    Scope(bool),
    /// From now on a cycle may do so many removals, or as many as it likes.
    Threshold(Option<u64>),
    /// A request fails.
    Request(u64, Fault),
    /// A write of the state fails.
    Commit(u64, CommitFault),
    /// A read of the directory fails.
    Read(u64),
    /// A worker is killed after so many polls; another one starts after so many seconds.
    Kill(u64, u64),
    /// A worker stands still after so many polls for longer than its lease; meanwhile another one takes the job.
    Stall(u64),
    /// A second worker starts so many milliseconds after the first.
    Rival(u64),
    /// Something is provisioned on demand; the worker is killed after so many polls, unless there are none.
    OnDemand(Object, u64),
    /// A cycle stops after planning, and its plan is applied later, when something may have happened. The worker is killed after so many
    /// polls, unless there are none.
    Plan(Meanwhile, u64),
    /// The job is restarted.
    Restart(ResetScope),
    /// The job is paused until the step ends.
    Pause,
    /// Somebody else writes in the service, before the step's first cycle.
    Other(Other),
}

/// What is provisioned on demand. People and groups are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Object {
    /// A person.
    Person(usize),
    /// A group with some of its members.
    Group(usize),
    /// A group with this member.
    Member(usize, usize),
}

/// What happens between planning and applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meanwhile {
    /// Nothing.
    Nothing,
    /// The mapping changes, so that the plan is refused.
    Mapping,
    /// Somebody is provisioned on demand, which drops the plan.
    OnDemand(usize),
    /// Others write in the service and what differs is to be repaired, so that actions of the plan are passed over.
    Drift(Other),
}

/// What others do in the service. People are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Other {
    /// An account gets a nickname, to which nothing is mapped.
    Nickname(usize),
    /// An account gets another title.
    Title(usize),
    /// An account is deleted.
    Remove(usize),
    /// An account is made that is nobody's of the directory.
    Make(usize),
    /// One of those gets another title.
    Change(usize),
}

impl Scenario {
    /// The simulation of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let draw = Draw::from_seed(seed);
        let service = if draw.below(3) == 0 { ServiceKind::RingCentral } else { ServiceKind::Standard };
        let (has_groups, habit) = (service == ServiceKind::Standard, draw.below(5));
        let people = 5 + draw.below(if draw.below(4) == 0 { 36 } else { 12 });
        let groups = if service == ServiceKind::Standard { 1 + draw.below(6) } else { 0 };
        let steps = 3 + draw.below(8);
        let waits = (0..steps).map(|_| if draw.below(6) == 0 { 1 + draw.small(1000) } else { 1 + draw.small(3) }).collect();
        let mut scenario = Self {
            seed,
            service,
            defends_itself: service == ServiceKind::RingCentral || draw.below(2) == 0,
            people,
            groups,
            others: draw.below(4),
            adopted: draw.below(4).min(people),
            assigns: draw.below(2) == 0,
            reads_one: draw.is(),
            is_on_disk: draw.below(8) == 0,
            is_narrow: has_groups && habit == 0,
            takes_bulk: has_groups && habit == 1,
            threshold: (draw.below(3) == 0).then(|| 2 + draw.number(5)),
            waits,
            events: Vec::new(),
        };
        for step in 0..steps {
            for _ in 0..if step == 0 { 0 } else { draw.below(9) } {
                let change = Change::draw(&draw, people, groups);
                scenario.events.push((step, Event::Change(change)));
            }
            for _ in 0..draw.below(6) {
                let event = event(&draw, people, groups);
                scenario.events.push((step, event));
            }
        }
        for _ in 0..draw.below(4) {
            let step = draw.below(steps);
            scenario.events.push((step, order(&draw)));
        }
        scenario
    }

    /// A simulation of so many people in a service with every default, with these events, three intervals from step to step.
    pub fn of(people: usize, groups: usize, events: &[(usize, Event)]) -> Self {
        let steps = events.iter().map(|(step, _)| step + 1).max().unwrap_or(1);
        Self {
            seed: 0,
            service: ServiceKind::Standard,
            defends_itself: true,
            people,
            groups,
            others: 0,
            adopted: 0,
            assigns: false,
            reads_one: false,
            is_on_disk: false,
            is_narrow: false,
            takes_bulk: false,
            threshold: None,
            waits: vec![3; steps],
            events: events.to_vec(),
        }
    }

    /// The events of a step.
    pub fn at(&self, step: usize) -> impl Iterator<Item = Event> {
        self.events.iter().filter(move |(at, _)| *at == step).map(|(_, event)| *event)
    }

    /// The smallest scenario, found by leaving things out, that fails as well.
    #[must_use]
    pub fn shrunk(&self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut least = self.clone();
        loop {
            let before = least.size();
            let mut part = least.events.len();
            while part > 0 {
                let mut from = 0;
                while from < least.events.len() {
                    let mut fewer = least.clone();
                    fewer.events.drain(from..(from + part).min(least.events.len()));
                    if fails(&fewer) {
                        least = fewer;
                    } else {
                        from += part;
                    }
                }
                part /= 2;
            }
            for shrink in SHRINKS {
                let mut smaller = least.clone();
                while shrink(&mut smaller) && fails(&smaller) {
                    least = smaller.clone();
                }
            }
            if least.size() == before {
                return least;
            }
        }
    }

    fn size(&self) -> usize {
        self.events.len()
            + self.people
            + self.groups
            + self.others
            + self.adopted
            + self.waits.len()
            + usize::from(self.threshold.is_some())
            + usize::from(self.reads_one)
    }
}

/// Ways to make a scenario smaller; each says whether there was something to leave out.
const SHRINKS: [fn(&mut Scenario) -> bool; 7] = [
    |scenario| std::mem::take(&mut scenario.reads_one),
    |scenario| {
        let is_more = scenario.people > 1;
        scenario.people -= usize::from(is_more);
        scenario.adopted = scenario.adopted.min(scenario.people);
        is_more
    },
    |scenario| {
        let is_more = scenario.groups > 0;
        scenario.groups -= usize::from(is_more);
        is_more
    },
    |scenario| std::mem::take(&mut scenario.others) > 0,
    |scenario| std::mem::take(&mut scenario.adopted) > 0,
    |scenario| scenario.threshold.take().is_some(),
    |scenario| {
        let is_unused = scenario.waits.len() > 1 && scenario.at(scenario.waits.len() - 1).next().is_none();
        if is_unused {
            scenario.waits.pop();
        }
        is_unused
    },
];

/// How long an interval is.
pub const INTERVAL: Duration = Duration::from_mins(40);

fn one_of<T: Copy>(draw: &Draw, choices: &[T]) -> T {
    *draw.one_of(choices).unwrap()
}

/// A moment: early ones are drawn more often, since most cycles are short.
fn polls(draw: &Draw) -> u64 {
    let most = one_of(draw, &[30, 60, 120, 400]);
    draw.number(most)
}

fn polls_or_none(draw: &Draw) -> u64 {
    if draw.is() { 0 } else { 1 + polls(draw) }
}

fn scope(draw: &Draw) -> ResetScope {
    one_of(
        draw,
        &[
            ResetScope::NONE,
            ResetScope::ESCROWS,
            ResetScope::WATERMARK,
            ResetScope::QUARANTINE_STATE,
            ResetScope::FORCE_DELETES,
            ResetScope::default(),
        ],
    )
}

fn other(draw: &Draw, people: usize) -> Other {
    let somebody = draw.below(people);
    match draw.below(5) {
        0 => Other::Nickname(somebody),
        1 => Other::Title(somebody),
        2 => Other::Remove(somebody),
        3 => Other::Make(draw.below(4)),
        _ => Other::Change(draw.below(4)),
    }
}

fn object(draw: &Draw, people: usize, groups: usize) -> Object {
    match draw.below(4) {
        0 if groups > 0 => Object::Group(draw.below(groups)),
        1 if groups > 0 => Object::Member(draw.below(groups), draw.below(people)),
        _ => Object::Person(draw.below(people)),
    }
}

fn meanwhile(draw: &Draw, people: usize) -> Meanwhile {
    match draw.below(8) {
        0 | 1 => Meanwhile::Mapping,
        2 => Meanwhile::OnDemand(draw.below(people)),
        3 | 4 => Meanwhile::Drift(other(draw, people)),
        _ => Meanwhile::Nothing,
    }
}

fn event(draw: &Draw, people: usize, groups: usize) -> Event {
    let request = 1 + draw.number(40);
    match draw.below(20) {
        0..=4 => Event::Request(request, fault(draw)),
        5 => Event::Commit(1 + draw.number(60), if draw.is() { CommitFault::Before } else { CommitFault::After }),
        6 => Event::Read(1 + draw.number(6)),
        7..=9 => Event::Kill(1 + polls(draw), one_of(draw, &[0, 20, 400])),
        10 => Event::Stall(1 + polls(draw)),
        11 => Event::Rival(draw.number(4_000)),
        12 => Event::Mapping,
        14 => Event::OnDemand(object(draw, people, groups), polls_or_none(draw)),
        15 => Event::Plan(meanwhile(draw, people), polls_or_none(draw)),
        16 => Event::Restart(scope(draw)),
        17 => Event::Pause,
        18 | 19 => Event::Other(other(draw, people)),
        _ => Event::LateChange(Change::draw(draw, people, groups)),
    }
}

/// Another setting of the job.
fn order(draw: &Draw) -> Event {
    match draw.below(2) {
        0 => Event::Scope(draw.is()),
        _ => Event::Threshold(draw.is().then(|| 1 + draw.number(5))),
    }
}

fn fault(draw: &Draw) -> Fault {
    let kind = one_of(draw, &[TransportErrorKind::Connect, TransportErrorKind::Timeout, TransportErrorKind::Interrupted]);
    let status = one_of(draw, &[500, 502, 503, 504, 429, 404, 403, 401, 200]);
    match draw.below(7) {
        0 => Fault::Before(TransportErrorKind::Connect),
        1 => Fault::After(if kind == TransportErrorKind::Connect { TransportErrorKind::Timeout } else { kind }),
        2 => Fault::AnswerBefore(status),
        3 => Fault::AnswerAfter(one_of(draw, &[500, 502, 503, 504])),
        4 => Fault::Truncate,
        5 => Fault::Empty,
        _ => Fault::Throttled(1 + draw.number(90)),
    }
}
