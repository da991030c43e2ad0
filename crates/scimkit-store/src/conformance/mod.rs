//! The suites that every store and every wrapper of a store runs in its tests.
//!
//! Each case is a test of its own on a fresh store. The macros take an expression that gives a guard, which lives as long as the test
//! (a temporary folder, say), and a store; the expression may `.await`. The crate that calls them needs `tokio` with `macros` and
//! `rt-multi-thread` among its development dependencies.
//!
//! ```
//! mod memory {
//!     scimkit_store::resource_store_conformance!(((), scimkit_store::MemoryResources::new()));
//! }
//!
//! mod memory_state {
//!     scimkit_store::state_store_conformance!(((), scimkit_store::MemoryState::new()));
//! }
//! # fn main() {}
//! ```
//!
//! Cases are added in minor releases: a store that passes today may fail tomorrow, and was wrong before.

#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test suite reports by panicking")]

pub mod handout;
pub mod members;
pub mod queries;
pub mod resources;
pub mod state;

use std::future::Future;

use scimkit_filter::{Filter, ResolvedFilter, ResolvedPath};
use scimkit_types::{Catalog, Dialect, Resource, Timestamp};

use crate::error::{Result, StoreErrorKind};
use crate::resource::{Membership, NewResource, Query, ResourceKey, ResourceStore, Selection, StoredResource, Tenant, document};

/// Proves a [`ResourceStore`]; see the [module](crate::conformance).
#[macro_export]
macro_rules! resource_store_conformance {
    ($fresh:expr) => {
        $crate::resource_store_conformance! { @cases $fresh;
            resources::a_created_resource_is_read_back,
            resources::everything_of_a_document_survives,
            resources::an_id_is_given_once,
            resources::an_update_replaces_the_document_and_counts,
            resources::an_update_of_nothing_changes_nothing,
            resources::a_stale_revision_is_refused,
            resources::what_is_not_there_is_no_error,
            resources::a_deleted_resource_is_gone,
            resources::a_unique_value_occurs_once,
            resources::concurrent_creates_keep_a_value_unique,
            resources::concurrent_creates_keep_the_limit,
            resources::concurrent_updates_of_one_revision_let_one_through,
            resources::a_failed_update_changes_nothing,
            resources::tenants_are_apart,
            resources::the_null_character_is_refused,
            members::members_are_kept_in_order,
            members::a_member_is_there_once,
            members::member_changes_without_effect_keep_the_revision,
            members::concurrent_adds_lose_no_member,
            members::a_new_document_leaves_members_alone,
            members::memberships_end_with_the_member,
            members::members_that_were_part_of_documents_are_found,
            members::nested_memberships_are_found,
            members::long_text_is_kept_and_found,
            members::the_time_of_a_change_never_goes_back,
            queries::pages_follow_the_order_of_creation,
            queries::filters_mean_what_the_evaluator_says,
            queries::filters_reach_members,
            queries::results_are_sorted,
            queries::a_walk_by_positions_sees_each_result_once,
            queries::a_walk_goes_on_where_it_was,
            queries::a_changed_resource_is_found_by_what_it_is_now,
            queries::deep_and_wide_filters_are_answered,
        }
    };
    (@cases $fresh:expr; $($suite:ident::$case:ident),* $(,)?) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (_guard, store) = $fresh;
                $crate::conformance::$suite::$case(::std::sync::Arc::new(store)).await;
            }
        )*
    };
}

/// Proves a [`StateStore`](crate::StateStore); see the [module](crate::conformance).
#[macro_export]
macro_rules! state_store_conformance {
    ($fresh:expr) => {
        $crate::state_store_conformance! { @cases $fresh;
            state::a_batch_is_done_in_order,
            state::a_refused_batch_does_nothing,
            state::records_are_read_by_key,
            state::records_are_scanned_in_the_order_of_bytes,
            state::a_prefix_is_taken_literally,
            state::clearing_removes_what_starts_so,
            state::counts_follow_every_change,
            state::a_deferred_batch_is_seen_at_once,
            state::tables_and_jobs_are_apart,
            state::a_lease_is_held_until_it_ends,
            state::the_same_owner_gets_the_job_at_once,
            state::a_stale_fence_is_refused,
            state::a_renewal_keeps_the_fence,
            state::a_job_that_was_given_back_is_free,
            state::concurrent_owners_get_the_job_once,
            state::the_null_character_is_refused,
            handout::jobs_are_handed_out_by_how_long_they_have_been_due,
            handout::a_job_that_was_handed_out_is_held,
            handout::a_job_of_a_dead_worker_is_handed_out_again,
            handout::concurrent_workers_get_each_job_once,
            handout::who_asks_for_work_waits_for_nobody,
            handout::a_withheld_job_is_handed_out_to_nobody,
            handout::a_schedule_is_part_of_its_batch,
            handout::an_offer_never_puts_a_job_off,
            handout::the_next_job_is_known_beforehand,
        }
    };
    (@cases $fresh:expr; $($suite:ident::$case:ident),* $(,)?) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (_guard, store) = $fresh;
                $crate::conformance::$suite::$case(::std::sync::Arc::new(store)).await;
            }
        )*
    };
}

/// An instant of a test.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn tenant() -> Tenant {
    Tenant::new("acme")
}

fn user_key(id: &str) -> ResourceKey {
    ResourceKey::new(tenant(), "User", id)
}

fn group_key(id: &str) -> ResourceKey {
    ResourceKey::new(tenant(), "Group", id)
}

fn json(text: &str) -> Resource {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text} is not a document: {error}"))
}

fn user(id: &str, document: &str) -> NewResource {
    NewResource::new(user_key(id), json(document), at(0))
}

fn group(id: &str, document: &str) -> NewResource {
    let mut group = NewResource::new(group_key(id), json(document), at(0));
    group.member_attributes = vec!["members".to_owned()];
    group
}

fn member(value: &str) -> String {
    format!(r#"{{"value": "{value}", "display": "name of {value}"}}"#)
}

/// Which error a call gave.
#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T>) -> StoreErrorKind {
    result.unwrap_err().kind().clone()
}

async fn read(store: &impl ResourceStore, key: &ResourceKey) -> StoredResource {
    let found = store.get(key, Selection::Whole).await.unwrap();
    found.unwrap_or_else(|| panic!("there is no {key:?}"))
}

/// Of what a resource is a member.
async fn groups_of(store: &impl ResourceStore, id: &str) -> Vec<Membership> {
    store.memberships(&tenant(), &[id.to_owned()]).await.unwrap().pop().unwrap()
}

/// Runs calls at the same time and returns their answers.
async fn at_once<T: Send + 'static>(calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let mut tasks = tokio::task::JoinSet::new();
    for call in calls {
        tasks.spawn(call);
    }
    tasks.join_all().await
}

fn resolve(filter: &str, resource_type: &str) -> ResolvedFilter {
    let catalog = Catalog::standard();
    let resource_type = catalog.resource_type(resource_type).unwrap();
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    filter.resolve(&catalog, resource_type, Dialect::default()).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

fn resolve_path(path: &str, resource_type: &str) -> ResolvedPath {
    let catalog = Catalog::standard();
    let path = scimkit_filter::AttributePath::parse(path).unwrap();
    scimkit_filter::resolve_path(&path, &catalog, catalog.resource_type(resource_type).unwrap()).unwrap().0
}

/// Compares the answer of a store with that of the evaluator over all resources of a type.
pub async fn check_filter(store: &dyn ResourceStore, tenant: &Tenant, resource_type: &str, filter: &ResolvedFilter) {
    let mut query = Query::new(tenant.clone(), resource_type.to_owned(), u64::MAX);
    let all = store.query(&query).await.unwrap().resources;
    let meets = |stored: &&StoredResource| {
        let mut document = stored.document.clone();
        document::add_common(&mut document, &stored.id, resource_type, stored.created_at, stored.modified_at);
        filter.matches(&document)
    };
    let expected: Vec<&StoredResource> = all.iter().filter(meets).collect();
    query.filter = Some(filter.clone());
    let found = store.query(&query).await.unwrap();
    assert_eq!(ids(&found.resources), ids(expected.iter().copied()), "{filter:?}");
    assert_eq!(found.total, expected.len() as u64, "{filter:?}");
    query.count = 1;
    let first = store.query(&query).await.unwrap();
    assert_eq!((first.total, ids(&first.resources)), (found.total, ids(expected.into_iter().take(1))), "{filter:?}");
}

fn ids<'a>(resources: impl IntoIterator<Item = &'a StoredResource>) -> Vec<&'a str> {
    resources.into_iter().map(|resource| resource.id.as_str()).collect()
}
