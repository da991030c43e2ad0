//! Who has which matching value while a plan is made: by a link, or by what the plan gives and frees.
//!
//! Everything stands in the state, so that memory does not grow with the directory.

use std::collections::HashMap;

use scimkit_store::{Batch, Table};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::run::Run;
use crate::state::{CHUNK, listing_prefix, object_key, put};

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
    /// How many objects wait.
    waiting: u64,
}

#[derive(Clone, Debug, Default)]
struct Known {
    holder: Option<String>,
    claimant: Option<String>,
    freed: Option<Freed>,
}

impl<'a> Claims<'a> {
    pub(crate) fn new(run: &'a Run<'a>, object_type: &'a str) -> Self {
        Self { run, object_type, known: HashMap::new(), waiting: 0 }
    }

    /// Forgets the chunk before, and reads what is known of these matching keys.
    pub(crate) async fn load(&mut self, keys: &[String]) -> Result<()> {
        self.known.clear();
        let links: Vec<String> = keys.iter().map(|key| object_key(self.object_type, key)).collect();
        let holders = self.run.state.get_many::<String>(Table::LinkByMatch, &links).await?;
        let claims: Vec<String> = keys.iter().map(|key| self.claim_key(key)).collect();
        let claimants = self.run.state.get_many::<String>(Table::Claim, &claims).await?;
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
            (Some(claimant), ..) if claimant == id => known.freed.clone().map_or(Standing::Free, Standing::Freed),
            (Some(_), ..) => Standing::Taken,
            (None, Some(holder), freed) if holder != id => freed.clone().map_or_else(|| Standing::Held(holder.clone()), Standing::Freed),
            _ => Standing::Free,
        }
    }

    /// Gives a matching key to an object.
    pub(crate) fn claim(&mut self, batch: &mut Batch, id: &str, key: &str) -> Result<()> {
        self.known.entry(key.to_owned()).or_default().claimant = Some(id.to_owned());
        put(batch, Table::Claim, self.claim_key(key), &id)
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

    /// Gives a target object to a source object; false if another one has it already, by its link or by this plan.
    pub(crate) async fn adopt(&self, batch: &mut Batch, id: &str, target_id: &str) -> Result<bool> {
        let owner: Option<String> = self.run.state.get(Table::LinkByTarget, &object_key(self.object_type, target_id)).await?;
        let key = format!("target/{}", object_key(self.object_type, target_id));
        let claimant: Option<String> = match self.run.state.get(Table::Claim, &key).await? {
            Some(claimant) => Some(claimant),
            None => pending_claim(batch, &key),
        };
        if owner.is_some_and(|owner| owner != id) || claimant.is_some_and(|claimant| claimant != id) {
            return Ok(false);
        }
        put(batch, Table::Claim, key, &id)?;
        Ok(true)
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
        format!("waiter/{}", listing_prefix(self.object_type, key))
    }
}

/// What a batch that is not committed yet puts under a key of claims.
fn pending_claim(batch: &Batch, key: &str) -> Option<String> {
    batch.steps.iter().rev().find_map(|step| match step {
        scimkit_store::Step::Put { table: Table::Claim, key: put, value } if put == key => serde_json::from_str(value).ok(),
        _ => None,
    })
}
