//! Comparing with what the target has at present, and saying which of its accounts belong to whom.

use std::collections::BTreeMap;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scimkit_mapping::Operation;
use scimkit_store::{Batch, Table};
use scimkit_types::Resource;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::decide::{Known, Setting};
use crate::drifted::drifted;
use crate::engine::Engine;
use crate::error::{CycleError, Result};
use crate::event::{Phase, PropertyChange};
use crate::listing::{Pages, Unlistable};
use crate::matching::{texts_at, usable_id};
use crate::plan::lose;
use crate::records::{Link, Presence, StoredRecord};
use crate::report::{Cycle, Tally};
use crate::run::Run;
use crate::state::{State, Work, object_key, put};
use crate::target::{TargetError, TargetErrorKind};

/// How many objects a report names at most; all are counted.
const MOST_NAMED: usize = 1000;

/// What is done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriftPolicy {
    /// It is reported.
    Report,
    /// The next cycle writes what the mappings say again, and matches or creates what is gone.
    Repair,
}

/// How the target differs from what was last written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DriftReport {
    /// How many linked objects were compared.
    pub compared: u64,
    /// How many were changed by others.
    pub changed: u64,
    /// How many are gone.
    pub gone: u64,
    /// How many have references that the service does not show, such as the members of groups in AWS IAM Identity Center. What the
    /// service shows of those objects was compared.
    #[serde(default)]
    pub unseen: u64,
    /// How many could not be compared, as the service refuses to show their resources.
    #[serde(default)]
    pub unread: u64,
    /// The object types whose list the service does not show to its end, and why: it shows one page again and again, counts more than it
    /// shows, or refuses to show it. Their linked resources were read one by one; of the others those were counted that were shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unlisted: BTreeMap<String, String>,
    /// The objects that differ, at most 1,000.
    pub objects: Vec<Drift>,
    /// To whom the target's accounts belong, by object type.
    pub accounts: BTreeMap<String, AccountCounts>,
    /// Accounts that nobody of the source has or that are not assigned, at most 1,000.
    pub unlinked: Vec<Account>,
}

/// One object that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Drift {
    /// The type of the source object.
    pub object_type: String,
    /// The id of the source object.
    pub source_id: String,
    /// The id of the resource.
    pub target_id: String,
    /// Whether the resource is gone.
    pub is_gone: bool,
    /// From what is there to what is to be there.
    pub changes: Vec<PropertyChange>,
}

/// To whom the accounts of a target belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccountCounts {
    /// Accounts that nobody of the source has.
    pub local: u64,
    /// Accounts of people who are not assigned.
    pub unassigned: u64,
    /// Accounts of people who are assigned.
    pub assigned: u64,
}

/// An account that is not linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Account {
    /// The type of the source objects that it could be.
    pub object_type: String,
    /// The id of the resource.
    pub target_id: String,
    /// The value of its first matching attribute.
    pub matching_value: Option<String>,
    /// The source object with the same matching value, if there is one.
    pub source_id: Option<String>,
}

/// Who of the source has a matching value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    id: String,
    is_assigned: bool,
}

impl Engine {
    /// Lists the target once and compares it with what was last written, managers and members too; values that the profile declares equal
    /// are equal, and what a mapping's flow type lets others add is no difference. Lists do not show members, so each resource that some
    /// were written to is read; one without any is asked for some by filters, as there are services that never show them. A linked
    /// resource that the list did not show is read by itself. Accounts without a link are held against the source by their first matching attribute. With
    /// [`Repair`](DriftPolicy::Repair) the next cycle puts right what differs.
    ///
    /// # Errors
    /// [`CycleError`] if another worker has the job, or what is needed cannot be reached.
    pub async fn find_drift(&self, policy: DriftPolicy) -> Result<DriftReport, CycleError> {
        let state = self.open().await?;
        let result = self.compare_held(&state, policy).await;
        let closed = state.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn compare_held(&self, state: &State, policy: DriftPolicy) -> Result<DriftReport> {
        let record = state.job().await?;
        let tally = Tally::default();
        let run = self.run(state, &tally, &record, Cycle::Incremental);
        let app_roles = self.source.app_roles().await?;
        let mut report = DriftReport::default();
        for mapping in &self.job.mappings {
            let setting = run.setting(mapping, &app_roles);
            let mut comparison = Comparison { run: &run, setting: &setting, policy, report: &mut report };
            comparison.index_source().await?;
            comparison.read_target().await?;
            comparison.find_unlisted().await?;
        }
        let mut batch = Batch::new();
        batch.clear(Table::Claim, "");
        batch.clear(Table::Seen, SEEN);
        state.commit(batch).await?;
        Ok(report)
    }
}

/// The start of the keys of the target objects that were seen.
const SEEN: &str = "target/";

struct Comparison<'a> {
    run: &'a Run<'a>,
    setting: &'a Setting<'a>,
    policy: DriftPolicy,
    report: &'a mut DriftReport,
}

impl Comparison<'_> {
    fn object_type(&self) -> &str {
        self.setting.mapping.object_type()
    }

    /// Writes down who of the source has which matching value.
    async fn index_source(&mut self) -> Result<()> {
        let mut batch = Batch::new();
        batch.clear(Table::Claim, "");
        batch.clear(Table::Seen, SEEN);
        self.run.state.commit(batch).await?;
        let mut walk = self.run.state.walk::<StoredRecord>(Table::Record, object_key(self.object_type(), ""));
        while let Some(rows) = walk.next().await? {
            let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
            let roles = self.run.state.get_many::<Vec<String>>(Table::Assignment, &keys).await?;
            let mut batch = Batch::new();
            for ((_, stored), roles) in rows.into_iter().zip(roles) {
                let known = Known { stored: &stored, roles: roles.as_deref(), link: None };
                let Ok(desired) = self.setting.desired(known, Operation::Update, false) else { continue };
                let is_assigned = self.setting.standing(known).is_ok();
                if stored.presence == Presence::Present
                    && let Some((index, value)) = desired.matching.first()
                {
                    let holder = Holder { id: stored.record.id.clone(), is_assigned };
                    put(&mut batch, Table::Claim, format!("holder/{}", self.setting.matching_key(*index, value)), &holder)?;
                }
            }
            self.run.state.commit(batch).await?;
        }
        Ok(())
    }

    /// Compares what the service lists; a list that cannot be read to its end is told.
    async fn read_target(&mut self) -> Result<()> {
        let mut pages = Pages::new(self.run, self.setting.mapping.resource_type());
        loop {
            match pages.next().await? {
                Ok(Some(resources)) => self.compare_page(&resources).await?,
                Ok(None) => return Ok(()),
                Err(Unlistable(why)) => {
                    self.report.unlisted.insert(self.object_type().to_owned(), why);
                    return Ok(());
                }
            }
            self.run.progress(Phase::Matching, pages.seen(), Some(pages.total()));
        }
    }

    async fn compare_page(&mut self, resources: &[Resource]) -> Result<()> {
        let mut batch = Batch::new();
        for resource in resources {
            let Some(target_id) = usable_id(resource) else { continue };
            let key = object_key(self.object_type(), target_id);
            batch.put(Table::Seen, format!("{SEEN}{key}"), "null");
            match self.run.state.get::<String>(Table::LinkByTarget, &key).await? {
                Some(source_id) => self.compare(&mut batch, resource, target_id, source_id).await?,
                None => self.discover(resource, target_id).await?,
            }
        }
        self.run.state.commit(batch).await
    }

    async fn compare(&mut self, batch: &mut Batch, resource: &Resource, target_id: &str, source_id: String) -> Result<()> {
        let key = object_key(self.object_type(), &source_id);
        let Some(link) = self.run.state.get::<Link>(Table::Link, &key).await? else { return Ok(()) };
        self.report.compared += 1;
        let object_type = self.object_type().to_owned();
        let counts = self.report.accounts.entry(object_type.clone()).or_default();
        if link.is_managed {
            counts.assigned += 1;
        } else {
            counts.unassigned += 1;
        }
        let drifted = drifted(self.run, self.setting, &source_id, &link, resource).await?;
        self.report.unseen += u64::from(drifted.is_hidden);
        if drifted.changes.is_empty() {
            return Ok(());
        }
        let works =
            [(Work::Object, drifted.attributes > 0), (Work::References, !drifted.references.is_empty() || !drifted.lists.is_empty())];
        self.report.changed += 1;
        if self.policy == DriftPolicy::Repair && link.is_managed {
            // What differs is taken as written, so that the difference from it is what the next cycle sends.
            let mut link = if drifted.attributes > 0 { Link { exported: drifted.exported, ..link } } else { link };
            // Some services never show their members; so what differs is in doubt, and written whatever was written before.
            for (path, present) in &drifted.references {
                link.doubt_references(path, present);
            }
            for list in &drifted.lists {
                list.doubt(self.run, (&object_type, &source_id)).await?;
            }
            put(batch, Table::Link, key, &link)?;
            for (work, _) in works.into_iter().filter(|(_, differs)| *differs) {
                batch.put(Table::Pending, work.key(&object_type, &source_id), "null");
            }
        }
        self.name(Drift { object_type, source_id, target_id: target_id.to_owned(), is_gone: false, changes: drifted.changes });
        Ok(())
    }

    fn name(&mut self, drift: Drift) {
        if self.report.objects.len() < MOST_NAMED {
            self.report.objects.push(drift);
        }
    }

    async fn discover(&mut self, resource: &Resource, target_id: &str) -> Result<()> {
        let attribute = self.setting.mapping.matching().first();
        let value = attribute.and_then(|attribute| texts_at(resource, &attribute.filter_path).first().map(|value| (*value).to_owned()));
        let holder: Option<Holder> = match &value {
            Some(value) => self.run.state.get(Table::Claim, &format!("holder/{}", self.setting.matching_key(0, value))).await?,
            None => None,
        };
        let object_type = self.object_type().to_owned();
        let counts = self.report.accounts.entry(object_type.clone()).or_default();
        match &holder {
            None => counts.local += 1,
            Some(holder) if holder.is_assigned => counts.assigned += 1,
            Some(_) => counts.unassigned += 1,
        }
        if self.report.unlinked.len() < MOST_NAMED {
            let source_id = holder.map(|holder| holder.id);
            self.report.unlinked.push(Account { object_type, target_id: target_id.to_owned(), matching_value: value, source_id });
        }
        Ok(())
    }

    /// Asks for each linked resource that the list did not show: only the service can say that it is gone, since lists may end early, or
    /// move while they are read.
    async fn find_unlisted(&mut self) -> Result<()> {
        let prefix = object_key(self.object_type(), "");
        let mut walk = self.run.state.walk::<Link>(Table::Link, prefix.as_str());
        while let Some(rows) = walk.next().await? {
            let keys: Vec<String> =
                rows.iter().map(|(_, link)| format!("{SEEN}{}", object_key(self.object_type(), &link.target_id))).collect();
            let seen = self.run.state.get_many::<IgnoredAny>(Table::Seen, &keys).await?;
            let unseen = rows.into_iter().zip(seen).filter(|(_, seen)| seen.is_none()).map(|((key, link), _)| (key, link));
            // Boxed, so that the compiler can tell that a comparison may move between threads.
            let reads: Vec<BoxFuture<'_, Result<_>>> = unseen.map(|(key, link)| self.read(key, link).boxed()).collect();
            let read: Vec<_> = stream::iter(reads).buffered(self.run.job.concurrency.max(1)).try_collect().await?;
            let mut batch = Batch::new();
            for (key, link, resource) in read {
                let source_id = key.strip_prefix(&prefix).unwrap_or(&key).to_owned();
                match resource {
                    Ok(resource) => self.compare(&mut batch, &resource, &link.target_id, source_id).await?,
                    Err(error) if error.kind == TargetErrorKind::Gone => self.note_gone(&mut batch, source_id, link).await?,
                    Err(_) => self.report.unread += 1,
                }
            }
            self.run.state.commit(batch).await?;
        }
        Ok(())
    }

    /// Reads the resource of a link; what says nothing about it ends the comparison.
    async fn read(&self, key: String, link: Link) -> Result<(String, Link, Result<Resource, TargetError>)> {
        let resource_type = self.setting.mapping.resource_type();
        match self.run.call(|not_after| self.run.target.get(resource_type, &link.target_id, not_after)).await? {
            Err(error) if error.ends_cycle() => Err(error.into()),
            resource => Ok((key, link, resource)),
        }
    }

    async fn note_gone(&mut self, batch: &mut Batch, source_id: String, link: Link) -> Result<()> {
        let object_type = self.object_type().to_owned();
        self.report.gone += 1;
        if self.policy == DriftPolicy::Repair {
            lose(self.run, batch, &object_type, &source_id, Some(&link)).await?;
            batch.put(Table::Pending, Work::Object.key(&object_type, &source_id), "null");
        }
        self.name(Drift { object_type, source_id, target_id: link.target_id, is_gone: true, changes: Vec::new() });
        Ok(())
    }
}
