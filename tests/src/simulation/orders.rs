//! What operators order beside the cycles that are due, and what others do in the service.

use std::sync::Arc;
use std::time::Duration;

use scimkit_provisioning::{CycleError, DriftPolicy, ResetScope};
use scimkit_store::{JobId, StoreErrorKind, StoredResource, Table};
use scimkit_testing::FlakyTransport;
use scimkit_types::{Resource, Value, schema};

use super::process::{Fate, Process};
use super::run::{Simulation, Violation, WINDOW, Wire};
use super::scenario::{Meanwhile, Object, Other};
use crate::job::ServiceKind;
use crate::world::{BASE, client};
use scimkit_testing::directory::{Change, group, person};

/// After how long a job that was with a worker who is gone can be had.
const LEASE: Duration = Duration::from_secs(301);

fn is_held<T>(ended: &Result<T, CycleError>) -> bool {
    matches!(ended, Err(CycleError::State(error)) if *error.kind() == StoreErrorKind::Held)
}

const fn fate(polls: u64) -> Fate {
    if polls == 0 { Fate::Runs } else { Fate::Killed(polls) }
}

impl Simulation<'_> {
    /// Provisions one object now.
    pub(super) fn provision_on_demand(
        &mut self,
        transport: &Arc<FlakyTransport<Wire>>,
        object: Object,
        polls: u64,
    ) -> Result<(), Violation> {
        let (intents, released) = (self.count(Table::Intent), self.is_released());
        self.stats.orders += 1;
        if self.scenario.reads_one && self.stats.cycles == 0 {
            // Whoever is read by themselves before the first round may leave before it too, which does not tell of them.
            self.directory.note_restart();
        }
        let limited = self.limited(Arc::clone(transport));
        let engine = self.engine(limited);
        let provision = async {
            match object {
                Object::Person(number) => engine.provision_on_demand("User", &person(number)).await,
                Object::Group(number) => engine.provision_on_demand("Group", &group(number)).await,
                Object::Member(number, member) => engine.provision_members_on_demand("Group", &group(number), &[&person(member)]).await,
            }
        };
        let process = Process::new(provision, fate(polls), self.time.timer());
        match self.time.run(process).map_err(|stalled| Violation(format!("on demand: {stalled}")))? {
            None => self.stats.kills += 1,
            Some(Ok(_)) => {}
            Some(Err(error)) => self.judge(Err(error))?,
        }
        self.check_sent(released, intents)
    }

    /// Plans, lets time and perhaps changes pass, and applies the plan.
    pub(super) fn plan_and_apply(
        &mut self,
        transport: &Arc<FlakyTransport<Wire>>,
        meanwhile: Meanwhile,
        polls: u64,
        late: &[Change],
    ) -> Result<(), Violation> {
        self.stats.orders += 1;
        let intents = self.count(Table::Intent);
        let limited = self.limited(Arc::clone(transport));
        let engine = self.engine(limited);
        let planned = self.time.run(engine.plan_cycle()).map_err(|stalled| Violation(format!("planning hangs: {stalled}")))?;
        let sent = self.count_sent();
        if intents == 0 && sent.writes > 0 {
            return Err(Violation(format!("invariant 18: planning sent {sent:?}")));
        }
        late.iter().for_each(|change| self.directory.apply(*change));
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return self.judge(Err(error)),
        };
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Mapping => self.has_other_mapping ^= true,
            Meanwhile::OnDemand(number) => self.provision_on_demand(transport, Object::Person(number), 0)?,
            Meanwhile::Drift(other) => {
                self.meddle(other);
                let engine = self.engine_at_end();
                let found = self.time.run(engine.find_drift(DriftPolicy::Repair));
                if let Err(error) = found.map_err(|stalled| Violation(format!("drift: {stalled}")))? {
                    self.judge(Err(error))?;
                }
                self.count_sent();
            }
        }
        // An order that failed early has not dropped it.
        let may_be_refused = matches!(meanwhile, Meanwhile::Mapping | Meanwhile::OnDemand(_));
        self.time.advance(Duration::from_mins(7));
        let (intents, released) = (self.count(Table::Intent), self.is_released());
        let limited = self.limited(Arc::clone(transport));
        let engine = self.engine(limited);
        let process = Process::new(engine.apply_plan(&plan.id), fate(polls), self.time.timer());
        match self.time.run(process).map_err(|stalled| Violation(format!("applying hangs: {stalled}")))? {
            None => self.stats.kills += 1,
            Some(Err(CycleError::PlanRefused { .. })) if may_be_refused => {}
            Some(Ok(_)) if meanwhile == Meanwhile::Mapping => return Err(Violation("a plan of other mappings was applied".to_owned())),
            Some(ended) => self.judge(ended)?,
        }
        self.check_sent(released, intents)
    }

    /// Restarts the job, whoever has it.
    pub(super) fn restart(&mut self, scope: ResetScope) -> Result<(), Violation> {
        self.stats.orders += 1;
        for _ in 0..2 {
            let engine = self.engine_at_end();
            let ended = self.time.run(engine.restart(scope)).map_err(|stalled| Violation(format!("a restart hangs: {stalled}")))?;
            if is_held(&ended) {
                self.time.advance(LEASE);
                continue;
            }
            // A part may have been done before the state failed.
            if scope.contains(ResetScope::WATERMARK) {
                self.directory.note_restart();
            }
            self.is_forced |= scope.contains(ResetScope::FORCE_DELETES);
            return ended.or_else(|error| self.judge(Err(error)));
        }
        Ok(())
    }

    /// Pauses the job, or starts it.
    pub(super) fn pause(&mut self, is_paused: bool) -> Result<(), Violation> {
        self.stats.orders += 1;
        let engine = self.engine_at_end();
        for _ in 0..3 {
            let ended = if is_paused { self.time.run(engine.pause()) } else { self.time.run(engine.start()) };
            match ended.map_err(|stalled| Violation(format!("a pause hangs: {stalled}")))? {
                Ok(()) => return Ok(()),
                // The state fails, or an order before was broken off by that.
                Err(CycleError::State(_)) => self.time.advance(LEASE),
                Err(error) => return Err(Violation(format!("a job cannot be paused or started: {error}"))),
            }
        }
        Err(Violation("a job cannot be paused or started".to_owned()))
    }

    /// Lets somebody else write in the service.
    pub(super) fn meddle(&mut self, other: Other) {
        self.stats.orders += 1;
        self.wire.deliver();
        let client = client(self.world.service.transport(), BASE);
        let patch = |id: &str, name: &str, value: &str| {
            let operation = serde_json::json!({ "op": "replace", "path": name, "value": value });
            let body = serde_json::json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
            let body: Value = serde_json::from_value(body).unwrap();
            self.time.run(client.patch("/Users", id, &body, None)).unwrap().unwrap();
        };
        match other {
            Other::Nickname(number) => {
                // A service like RingCentral's has none.
                if let Some(account) = self.account(number).filter(|_| self.scenario.service == ServiceKind::Standard) {
                    patch(&account.id, "nickName", "Meddled");
                    self.nicknames.insert(account.id.clone(), "Meddled".to_owned());
                    self.note_planted(&account.id);
                }
            }
            Other::Title(number) => {
                if let Some(account) = self.account(number) {
                    patch(&account.id, "title", "Meddled");
                    // What others change while the job does not manage an account is found when its person comes back.
                    let is_let_go = self.is_let_go(number);
                    self.stats.let_go += u64::from(is_let_go);
                    self.has_drift |= !is_let_go;
                }
            }
            Other::Remove(number) => {
                if let Some(account) = self.account(number) {
                    self.time.run(client.delete("/Users", &account.id, None)).unwrap().unwrap();
                    self.has_drift = true;
                }
            }
            Other::Make(number) => {
                let name = format!("made{number}.{}@example.org", self.stats.orders);
                let user: Resource = serde_json::from_value(serde_json::json!({
                    "schemas": [schema::USER], "userName": name, "active": true, "title": "Other", "displayName": "Family",
                    "name": { "givenName": "Given", "familyName": "Family" }, "emails": [{ "type": "work", "value": name }],
                }))
                .unwrap();
                let id = self.time.run(client.create("/Users", &user)).unwrap().unwrap().id().unwrap().to_owned();
                self.note(&id);
            }
            Other::Change(number) => {
                let foreign = self.planted.iter().filter(|(_, stored)| stored.document.external_id().is_none());
                let foreign = foreign.filter(|(_, stored)| stored.document.get("title").and_then(Value::as_str) == Some("Other"));
                let ids: Vec<String> = foreign.map(|(id, _)| id.clone()).collect();
                if let Some(id) = ids.get(number % ids.len().max(1)) {
                    patch(id, "name.familyName", &format!("Other {}", self.stats.orders));
                    self.note(id);
                }
            }
        }
        // What others send counts for the service's limits.
        self.time.advance(WINDOW * 2);
    }

    /// The account that the job has made or matched for somebody.
    fn account(&self, number: usize) -> Option<StoredResource> {
        self.held().users.into_iter().find(|user| user.document.external_id() == Some(&person(number)))
    }

    /// Whether the job has left the account of somebody to others.
    fn is_let_go(&self, number: usize) -> bool {
        let (job, key) = (JobId::new("simulated"), format!("User/{}", person(number)));
        let link = self.time.run(self.world.state.get(&job, Table::Link, &key)).unwrap().unwrap();
        let link = link.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let is = |link: &serde_json::Value, name, expected: bool| link.get(name).is_some_and(|value| *value == expected);
        link.is_some_and(|link| is(&link, "isManaged", false) && is(&link, "isUncertain", true))
    }

    fn note_planted(&mut self, id: &str) {
        if self.planted.contains_key(id) {
            self.note(id);
        }
    }

    /// Remembers an account as it is now.
    fn note(&mut self, id: &str) {
        let found = self.held().users.into_iter().find(|user| user.id == id);
        self.planted.extend(found.map(|found| (id.to_owned(), found)));
    }
}
