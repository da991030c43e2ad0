//! The quiet end of a simulation, at which everything is checked.

use std::sync::Arc;
use std::time::Duration;

use scimkit_client::Class;
use scimkit_provisioning::{CycleError, DriftPolicy, Due, Engine};
use scimkit_store::{StoreErrorKind, Table};
use scimkit_testing::VirtualTime;
use scimkit_testing::directory::Held;

use super::run::{DAY, READS, Simulation, Violation, WINDOW, WRITES};
use super::scenario::INTERVAL;
use crate::job::ServiceKind;

impl Simulation<'_> {
    /// Lets the job come to its end without faults, checks everything, and then that a further cycle sends nothing.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        self.state.fail_at([]);
        self.directory.fail_at([]);
        self.find_drift()?;
        let mut quiet = 0;
        for _ in 0..12 {
            let engine = self.engine_at_end();
            match self.time.run(engine.due()).unwrap().map_err(|error| Violation(format!("at the end: {error}")))? {
                Due::At(at) => self.time.advance(at.duration_since(self.time.now()).try_into().unwrap_or_default()),
                Due::Never(state) => return Err(Violation(format!("at the end the job is {state}"))),
                _ => {}
            }
            let engine = self.engine_at_end();
            let ended = self.time.run(engine.run_cycle()).map_err(|stalled| Violation(format!("at the end a cycle hangs: {stalled}")))?;
            match &ended {
                Ok(_) => quiet += 1,
                Err(CycleError::TooManyDeletes { .. }) => {}
                Err(CycleError::State(error)) if *error.kind() == StoreErrorKind::Held => self.time.advance(Duration::from_secs(301)),
                Err(error) => return Err(Violation(format!("a cycle without faults failed: {error}"))),
            }
            self.judge(ended)?;
            self.count_sent();
            if quiet >= 2 && (self.count(Table::Escrow) == 0 || quiet >= 5) {
                break;
            }
            self.time.advance(DAY);
        }
        self.check()?;
        self.check_idle()
    }

    /// What others changed in the service is found only by looking.
    fn find_drift(&mut self) -> Result<(), Violation> {
        if !self.has_drift {
            return Ok(());
        }
        // The job may still be with a worker that was killed.
        self.time.advance(Duration::from_secs(301));
        let engine = self.engine_at_end();
        let found = self.time.run(engine.find_drift(DriftPolicy::Repair)).map_err(|stalled| Violation(format!("drift: {stalled}")))?;
        found.map(drop).map_err(|error| Violation(format!("drift cannot be looked for: {error}")))
    }

    /// Idempotence: a cycle without changes sends nothing but the test of the connection.
    fn check_idle(&mut self) -> Result<(), Violation> {
        self.time.advance(INTERVAL);
        let engine = self.engine_at_end();
        let report = self.time.run(engine.run_cycle()).unwrap().map_err(|error| Violation(format!("an idle cycle failed: {error}")))?;
        let sent = self.count_sent();
        if report.imported != 0 || report.written() != 0 || sent.writes != 0 || sent.reads != 1 {
            return Err(Violation(format!("invariant 15: a cycle without changes sent {sent:?}: {report:?}")));
        }
        let days = self.time.now().duration_since(VirtualTime::default().now()).as_secs() / 86_400;
        self.stats.days = u64::try_from(days).unwrap_or_default();
        Ok(())
    }

    pub(super) fn engine_at_end(&mut self) -> Engine {
        let limited = self.limited(Arc::clone(&self.wire));
        self.engine(limited)
    }

    pub(super) fn count(&self, table: Table) -> u64 {
        let job = scimkit_store::JobId::new("simulated");
        self.time.run(self.world.state.count(&job, table, "")).unwrap().unwrap()
    }

    pub(super) fn held(&self) -> Held {
        let of = |resource_type| self.time.run(self.world.service.resources(resource_type)).unwrap().unwrap();
        let groups = if self.scenario.service == ServiceKind::Standard { of("Group") } else { Vec::new() };
        Held::new(of("User"), groups)
    }

    fn check(&mut self) -> Result<(), Violation> {
        self.wire.deliver();
        let verdict = self.verdict(&self.held());
        let (mut faults, blocked) = (verdict.faults, verdict.blocked);
        self.stats.blocked = u64::try_from(blocked.len()).unwrap();
        let service = self.wire.service();
        if service.refused() > 0 {
            faults.push(format!("invariant 19: {} requests were over the quota", service.refused()));
        }
        for (class, most) in [(Class::Read, READS), (Class::Write, WRITES)] {
            let found = service.most_in_window(class, WINDOW);
            if found > usize::try_from(most).unwrap() {
                faults.push(format!("invariant 19: {found} requests in a window of {most}"));
            }
        }
        if self.count(Table::Intent) > 0 {
            faults.push("invariant 16: an intent is left open".to_owned());
        }
        if blocked.is_empty() && self.count(Table::Escrow) > 0 {
            let job = scimkit_store::JobId::new("simulated");
            let rows = self.time.run(self.world.state.scan(&job, Table::Escrow, "", None, 5)).unwrap().unwrap();
            faults.push(format!("invariant 14: still in escrow: {rows:?}"));
        }
        if faults.is_empty() { Ok(()) } else { Err(Violation(faults.join("\n"))) }
    }
}
