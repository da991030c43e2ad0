//! Who has which matching value while a plan is made: by a link, or by what the plan gives and frees.
//!
//! What may grow with the directory stands in the state.

use std::collections::HashMap;

use scimkit_store::{Batch, Table};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::given::{Given, Holder};
use crate::run::Run;
use crate::state::{CHUNK, object_key, put, waiters_prefix};

/// A value that an action of the plan frees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Freed {
    /// The layer of the action; who takes the value comes in a later one.
    pub layer: u32,
    /// The source object that had the value.
    pub owner: String,
}

/// An object that cannot be planned before another one gives its matching value up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wait {
    /// The matching key that it waits for.
    pub key: String,
    /// The source object that has it.
    pub owner: String,
}

/// What an object may do with a matching value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has it.
    Free,
    /// Another object gets it by this plan.
    Taken,
    /// Another object had it, and this plan frees it.
    Freed(Freed),
    /// Another object has it by its link.
    Held(String),
}

/// The claims of one object type.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    run: &'a Run<'a>,
    object_type: &'a str,
    /// What is known of the keys of the present chunk.
    known: HashMap<String, Known>,
    /// Who has the target objects of the present chunk, by their ids.
    targets: HashMap<String, Option<Holder>>,
    /// What the plan has given.
    given: Given<'a>,
    /// How many objects wait.
    waiting: u64,
}

#[derive(Clone, Debug, Default)]
struct Known {
    holder: Option<String>,
    claimant: Option<Holder>,
    freed: Option<Freed>,
}

impl<'a> Claims<'a> {
    pub(crate) fn new(run: &'a Run<'a>, object_type: &'a str) -> Self {
        Self { run, object_type, known: HashMap::new(), targets: HashMap::new(), given: Given::new(run.state), waiting: 0 }
    }

    /// Forgets the chunk before, and reads what is known of these matching keys.
    pub(crate) async fn load(&mut self, keys: &[String]) -> Result<()> {
        self.known.clear();
        let links: Vec<String> = keys.iter().map(|key| object_key(self.object_type, key)).collect();
        let holders = self.run.state.get_many::<String>(Table::LinkByMatch, &links).await?;
        let claimants = self.given.holders(keys.iter().map(|key| self.claim_key(key))).await?;
        for ((key, holder), claimant) in keys.iter().zip(holders).zip(claimants) {
            let freed = match &holder {
                Some(_) => self.run.state.get(Table::Claim, &self.freed_key(key)).await?,
                None => None,
            };
            self.known.insert(key.clone(), Known { holder, claimant, freed });
        }
        Ok(())
    }

    /// What an object may do with a matching key that was loaded.
    pub(crate) fn standing(&self, id: &str, key: &str) -> Standing {
        let Some(known) = self.known.get(key) else { return Standing::Free };
        match (&known.claimant, &known.holder, &known.freed) {
            (Some(claimant), ..) if *claimant == self.given.holder(id) => known.freed.clone().map_or(Standing::Free, Standing::Freed),
            (Some(_), ..) => Standing::Taken,
            (None, Some(holder), freed) if holder != id => freed.clone().map_or_else(|| Standing::Held(holder.clone()), Standing::Freed),
            _ => Standing::Free,
        }
    }

    /// Gives a matching key to an object.
    pub(crate) fn claim(&mut self, id: &str, key: &str) {
        let claimant = self.given.holder(id);
        self.known.entry(key.to_owned()).or_default().claimant = Some(claimant);
        self.given.give(&self.claim_key(key), claimant);
    }

    /// Keeps what was given where there is room for it.
    pub(crate) async fn spill(&mut self) -> Result<()> {
        self.given.spill().await
    }

    /// Gives a matching key free.
    pub(crate) fn free(&mut self, batch: &mut Batch, key: &str, freed: &Freed) -> Result<()> {
        if let Some(known) = self.known.get_mut(key) {
            known.freed = Some(freed.clone());
        }
        put(batch, Table::Claim, self.freed_key(key), freed)
    }

    /// Lets an object wait for a matching key.
    pub(crate) fn wait(&mut self, batch: &mut Batch, id: &str, wait: &Wait) -> Result<()> {
        self.waiting += 1;
        batch.put(Table::Claim, format!("{}{id}", self.waiters_prefix(&wait.key)), "null");
        put(batch, Table::Claim, self.wait_key(id), wait)
    }

    /// Whether no object waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Takes some objects that wait for a matching key out of their wait.
    pub(crate) async fn take_waiters(&mut self, key: &str) -> Result<Vec<String>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = self.waiters_prefix(key);
        let ids = self.run.state.walk::<serde::de::IgnoredAny>(Table::Claim, prefix.as_str()).next_ids().await?.unwrap_or_default();
        for id in &ids {
            self.end_wait(id, key).await?;
        }
        Ok(ids)
    }

    /// What an object waits for.
    pub(crate) async fn wait_of(&self, id: &str) -> Result<Option<Wait>> {
        self.run.state.get(Table::Claim, &self.wait_key(id)).await
    }

    /// Ends the wait of an object.
    pub(crate) async fn end_wait(&mut self, id: &str, key: &str) -> Result<()> {
        let mut batch = Batch::new();
        batch.delete(Table::Claim, format!("{}{id}", self.waiters_prefix(key)));
        batch.delete(Table::Claim, self.wait_key(id));
        self.waiting = self.waiting.saturating_sub(1);
        self.run.state.commit(batch).await
    }

    /// Some of the objects that wait, with what they wait for.
    pub(crate) async fn some_waiting(&self) -> Result<Vec<(String, Wait)>> {
        let prefix = self.wait_key("");
        let rows = self.run.state.walk::<Wait>(Table::Claim, prefix.as_str()).next().await?.unwrap_or_default();
        debug_assert!(rows.len() <= CHUNK);
        Ok(rows.into_iter().map(|(key, wait)| (key.strip_prefix(&prefix).unwrap_or(&key).to_owned(), wait)).collect())
    }

    /// Reads who has these target objects, by a link or by this plan, and forgets those of the chunk before.
    pub(crate) async fn load_targets(&mut self, target_ids: &[String]) -> Result<()> {
        let links: Vec<String> = target_ids.iter().map(|id| object_key(self.object_type, id)).collect();
        let owners = self.run.state.get_many::<String>(Table::LinkByTarget, &links).await?;
        let claimants = self.given.holders(target_ids.iter().map(|id| self.target_key(id))).await?;
        let known =
            owners.into_iter().zip(claimants).map(|(owner, claimant)| claimant.or_else(|| owner.map(|owner| self.given.holder(&owner))));
        self.targets = target_ids.iter().cloned().zip(known).collect();
        Ok(())
    }

    /// Gives a target object that was loaded to a source object; false if another one has it already, by its link or by this plan. Nothing
    /// need be kept of one that only whoever has its matching value finds, for that is claimed.
    pub(crate) fn adopt(&mut self, id: &str, target_id: &str, is_sole: bool) -> bool {
        let claimant = self.given.holder(id);
        let holder = self.targets.entry(target_id.to_owned()).or_default();
        if holder.is_some_and(|holder| holder != claimant) {
            return false;
        }
        *holder = Some(claimant);
        if !is_sole {
            self.given.give(&self.target_key(target_id), claimant);
        }
        true
    }

    fn target_key(&self, target_id: &str) -> String {
        format!("target/{}", object_key(self.object_type, target_id))
    }

    fn claim_key(&self, key: &str) -> String {
        format!("match/{}", object_key(self.object_type, key))
    }

    fn freed_key(&self, key: &str) -> String {
        format!("freed/{}", object_key(self.object_type, key))
    }

    fn wait_key(&self, id: &str) -> String {
        format!("wait/{}", object_key(self.object_type, id))
    }

    fn waiters_prefix(&self, key: &str) -> String {
        format!("waiter/{}", waiters_prefix(self.object_type, key))
    }
}
