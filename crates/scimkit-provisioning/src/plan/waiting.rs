//! Objects that want a matching value which another one has: marked when it is free, planned together where they want each other's.

use std::collections::HashMap;

use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;

use super::{Marked, Planner, duplicate};
use crate::claims::Wait;
use crate::decide::{Decision, property_changes};
use crate::error::Result;
use crate::records::{Escrow, Link};
use crate::run::Run;
use crate::state::{Work, blocked_prefix, object_key};

/// How many objects a ring of matching values may have; a larger one is left as it is.
const LONGEST_RING: usize = 1000;

/// Marks the objects that failed since another one had this matching value, in the batch in which that one loses it; returns those that
/// were not marked before.
///
/// INVARIANT (no lost name): whoever takes a matching value from a link calls this, unless it is an action of a plan: whoever waits for
/// what that frees was planned with it, and stays marked until that was done.
pub(crate) async fn wake(run: &Run<'_>, batch: &mut Batch, object_type: &str, matching_key: &str) -> Result<Vec<String>> {
    let prefix = blocked_prefix(object_type, matching_key);
    let mut walk = run.state.walk::<IgnoredAny>(Table::Waiting, prefix.as_str());
    let mut woken = Vec::new();
    while let Some(ids) = walk.next_ids().await? {
        woken.extend(wake_some(run, batch, object_type, &prefix, ids).await?);
    }
    Ok(woken)
}

/// The same of some of the objects whose wait has keys that start so.
async fn wake_some(run: &Run<'_>, batch: &mut Batch, object_type: &str, prefix: &str, ids: Vec<String>) -> Result<Vec<String>> {
    let pending: Vec<String> = ids.iter().map(|id| Work::Object.key(object_type, id)).collect();
    let marks = run.state.get_many::<IgnoredAny>(Table::Pending, &pending).await?;
    let mut woken = Vec::new();
    for ((id, pending), mark) in ids.into_iter().zip(pending).zip(marks) {
        batch.delete(Table::Waiting, format!("{prefix}{id}"));
        if mark.is_none() {
            batch.put(Table::Pending, pending, "null");
            woken.push(id);
        }
    }
    Ok(woken)
}

impl Planner<'_> {
    /// Marks objects that failed in an earlier cycle since another one had what they were to have, and says which of them are planned now.
    pub(super) async fn take_blocked(&mut self, prefix: &str, ids: Vec<String>) -> Result<Vec<String>> {
        let mut batch = Batch::new();
        let woken = wake_some(self.run, &mut batch, self.object_type(), prefix, ids).await?;
        self.run.state.commit(batch).await?;
        Ok(self.planned_now(woken))
    }

    /// Those of some objects that were just marked which the walk does not come to by itself. Those that were marked before have been
    /// planned, or will be.
    pub(super) fn planned_now(&mut self, mut woken: Vec<String>) -> Vec<String> {
        let walked = self.walked.as_ref();
        // Where only some objects are planned, the next cycle has these.
        woken.retain(|id| !self.is_final && walked.is_none_or(|walked| id <= walked));
        woken.sort_unstable();
        woken.dedup();
        self.total += u64::try_from(woken.len()).unwrap_or_default();
        woken
    }

    /// Plans those who wait still: for an object that keeps its matching value, which fails them, or for each other.
    pub(super) async fn plan_waiting(&mut self) -> Result<()> {
        while !self.claims.is_empty() {
            let waiting = self.claims.some_waiting().await?;
            let Some((first, _)) = waiting.first().cloned() else { return Ok(()) };
            let mut is_changed = false;
            for (id, wait) in waiting {
                // It may have failed with one of those before.
                if self.claims.wait_of(&id).await?.is_some() && self.claims.wait_of(&wait.owner).await?.is_none() {
                    if !self.plan_holder(&wait.owner).await? {
                        self.fail(id, wait.key).await?;
                    }
                    is_changed = true;
                }
            }
            if !is_changed {
                self.plan_ring(first).await?;
            }
        }
        Ok(())
    }

    /// Plans an object that failed in an earlier cycle and has a value that another one waits for: if each of them waits for what the
    /// other one has, and they are due at different times, neither would ever get it. False if there is nothing to try.
    async fn plan_holder(&mut self, owner: &str) -> Result<bool> {
        let escrow: Option<Escrow> = self.run.state.get(Table::Escrow, &object_key(self.object_type(), owner)).await?;
        let pending = Work::Object.key(self.object_type(), owner);
        let is_marked = self.run.state.get::<IgnoredAny>(Table::Pending, &pending).await?.is_some();
        // Those who are marked, or failed in this cycle, were planned.
        if is_marked || escrow.is_none_or(|escrow| escrow.cycle == self.run.cycle) {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch.put(Table::Pending, pending, "null");
        self.run.state.commit(batch).await?;
        self.total += 1;
        self.plan_ids(vec![owner.to_owned()]).await?;
        Ok(true)
    }

    /// Fails an object, and all who wait for it.
    async fn fail(&mut self, id: String, key: String) -> Result<()> {
        self.is_final = true;
        let mut failing = vec![(id, key)];
        while let Some((id, key)) = failing.pop() {
            if self.claims.wait_of(&id).await?.is_some() {
                self.claims.end_wait(&id, &key).await?;
            }
            let link: Option<Link> = self.run.state.get(Table::Link, &object_key(self.object_type(), &id)).await?;
            self.plan_ids(vec![id]).await?;
            if let Some(key) = link.and_then(|link| link.matching_key) {
                // Who waits for it fails too. There may be more than are taken at once; those are found again.
                let waiters = self.claims.take_waiters(&key).await?;
                failing.extend(waiters.into_iter().map(|waiter| (waiter, key.clone())));
            }
        }
        self.is_final = false;
        Ok(())
    }

    /// Plans a ring of objects each of which has what the one before wants: the first gets another value in between.
    async fn plan_ring(&mut self, first: String) -> Result<()> {
        let Some(ring) = self.ring(first).await? else { return Ok(()) };
        for (id, wait) in &ring {
            self.claims.end_wait(id, &wait.key).await?;
        }
        let ids: Vec<String> = ring.iter().map(|(id, _)| id.clone()).collect();
        let mut marked = self.load(ids).await?;
        let interim = match marked.first().and_then(|object| object.link.as_ref()) {
            Some(link) => self.setting.decide_interim(link),
            None => None,
        };
        let Some((interim, between)) = interim else { return self.fail_ring(marked).await };
        if let Some(head) = marked.first_mut() {
            let changes = match &head.link {
                Some(link) => property_changes(&link.exported, &between.exported, &[]),
                None => Vec::new(),
            };
            let mut batch = Batch::new();
            let before = head.link.replace(between);
            let decisions: Vec<Decision> = marked.iter().map(|object| self.decide_again(object)).collect();
            if !decisions.iter().zip(&marked).all(|(decision, object)| self.wanted(object, decision).len() == 1) {
                return self.fail_ring(marked).await;
            }
            let mut objects: Vec<(Marked, Decision)> = marked.into_iter().zip(decisions).collect();
            if let Some((head, _)) = objects.first_mut() {
                let between = std::mem::replace(&mut head.link, before);
                self.add(&mut batch, head, interim, changes, 0).await?;
                head.link = between;
            }
            // The last one wants what the first one had, and so on back to the first one.
            for (layer, (object, decision)) in (1..).zip(objects.into_iter().rev()) {
                for key in self.wanted(&object, &decision) {
                    self.claims.claim(&object.id, &key);
                }
                self.keep(&mut batch, &object, decision, layer).await?;
            }
            self.run.state.commit(batch).await?;
            self.events.drain(..).for_each(|event| self.run.emit(&event));
        }
        Ok(())
    }

    fn decide_again(&self, object: &Marked) -> Decision {
        match &object.stored {
            Some(stored) => self.decide(object, stored),
            None => Decision::Fail(duplicate()),
        }
    }

    /// The ring that an object waits for, with what each of its objects waits for; `None` if it was too long, and all of it failed.
    async fn ring(&mut self, first: String) -> Result<Option<Vec<(String, Wait)>>> {
        let mut path: Vec<(String, Wait)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut next = first;
        loop {
            if let Some(place) = places.get(&next) {
                return Ok(Some(path.split_off(*place)));
            }
            match self.claims.wait_of(&next).await? {
                Some(wait) if path.len() < LONGEST_RING => {
                    places.insert(next.clone(), path.len());
                    let owner = wait.owner.clone();
                    path.push((next, wait));
                    next = owner;
                }
                _ => {
                    if let Some((id, wait)) = path.pop() {
                        self.fail(id, wait.key).await?;
                    }
                    return Ok(None);
                }
            }
        }
    }

    async fn fail_ring(&mut self, ring: Vec<Marked>) -> Result<()> {
        self.is_final = true;
        self.plan_ids(ring.into_iter().map(|object| object.id).collect()).await?;
        self.is_final = false;
        Ok(())
    }
}
