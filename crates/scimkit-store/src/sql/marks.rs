//! Marks: places in the order of creation, and how many resources there are between them.
//!
//! A stretch is the resources of a scope after one mark, up to and with the next. The database counts resources in and out of the stretch
//! that they are in (see the triggers of the tables); after the last mark nothing is counted, since that is where nearly all resources are
//! created: how many there are is what is left of the size of the scope. Now and then, before a resource is created, stretches that
//! have become long are divided. So a place far behind is found by adding up stretches, and by walking through less than a few of them.

use std::fmt::Write as _;

use super::resources::{id_hash, scope, size};
use super::session::{Parameter, Session, first, parameters};
use super::{Work, senseless};
use crate::error::{Result, StoreError};
use crate::resource::{Position, ResourceKey};

/// How many resources a stretch has when it is made.
const LENGTH: u64 = 2048;
/// How many times as many a stretch may have.
const LONG: u64 = 2;
/// Before how many creations stretches are looked at once.
const SELDOM: u64 = 512;
/// How many marks there may be more than four times as many as are needed, before they are made anew.
const SPARE: u64 = 64;

/// Whether stretches are to be looked at before the resource is created.
pub(crate) fn is_due(key: &ResourceKey) -> bool {
    (id_hash(&key.id) >> 16).is_multiple_of(SELDOM)
}

/// A mark, and how many resources its stretch has.
struct Mark {
    created_at: Vec<u8>,
    id: String,
    resources: u64,
}

fn number(count: i64) -> Result<u64> {
    u64::try_from(count).map_err(|_| senseless("a number of resources is negative"))
}

fn bound(count: u64) -> Result<Parameter> {
    i64::try_from(count).map(Parameter::Integer).map_err(StoreError::backend)
}

/// The last mark that has no more resources up to it than these, with how many it has; `None` if that is the beginning.
pub(super) async fn before<S: Session>(session: &mut S, scope: i64, offset: u64) -> Result<Option<(Position, u64)>> {
    let sql = "SELECT k.created_at, k.id, k.before FROM \
               (SELECT m.created_at, m.id, CAST(sum(m.resources) OVER (ORDER BY m.created_at, m.id) AS BIGINT) AS before \
               FROM @mark m WHERE m.scope = ?1) AS k WHERE k.before <= ?2 ORDER BY k.created_at DESC, k.id DESC LIMIT 1";
    let Some(mut row) = first(session, sql, &[scope.into(), bound(offset.min(u64::MAX >> 2))?]).await? else { return Ok(None) };
    let (created_at, id) = (row.take()?, row.take()?);
    Ok(Some((Position::new(Some(created_at), id), number(row.take()?)?)))
}

/// Divides the long stretches of the scope that a resource is going to be created in.
pub(crate) struct Divide(pub(crate) ResourceKey);

impl Work for Divide {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        let Some(scope) = scope(session, self.0.tenant.as_str(), self.0.resource_type.as_str(), "").await? else { return Ok(()) };
        let scope = scope.scope;
        if let Some(lock) = S::DIALECT.lock_marks() {
            session.execute(lock, &parameters![scope]).await?;
        }
        let total = size(session, scope).await?;
        let mut marks = marks(session, scope).await?;
        if marks.len() as u64 > 4 * (total / LENGTH) + SPARE {
            // What was between them was deleted.
            session.execute("DELETE FROM @mark WHERE scope = ?1", &parameters![scope]).await?;
            marks.clear();
        }
        let mut after: Option<Mark> = None;
        let mut rest = total;
        for mark in marks {
            rest = rest.saturating_sub(mark.resources);
            if mark.resources >= LONG * LENGTH {
                let made = divide(session, scope, after.as_ref(), Some(&mark)).await?;
                let left = mark.resources.saturating_sub(made * LENGTH);
                let sql = "UPDATE @mark SET resources = ?4 WHERE scope = ?1 AND created_at = ?2 AND id = ?3";
                session.execute(sql, &[scope.into(), mark.created_at.clone().into(), mark.id.as_str().into(), bound(left)?]).await?;
            }
            after = Some(mark);
        }
        if rest >= LONG * LENGTH {
            divide(session, scope, after.as_ref(), None).await?;
        }
        Ok(())
    }
}

async fn marks<S: Session>(session: &mut S, scope: i64) -> Result<Vec<Mark>> {
    let sql = "SELECT created_at, id, resources FROM @mark WHERE scope = ?1 ORDER BY created_at, id";
    let rows = session.rows(sql, &parameters![scope]).await?;
    rows.into_iter().map(|mut row| Ok(Mark { created_at: row.take()?, id: row.take()?, resources: number(row.take()?)? })).collect()
}

/// Puts marks between two others; how many.
async fn divide<S: Session>(session: &mut S, scope: i64, after: Option<&Mark>, before: Option<&Mark>) -> Result<u64> {
    let mut between = parameters![scope].to_vec();
    let mut condition = String::new();
    for (mark, sign) in [(after, ">"), (before, "<")] {
        if let Some(mark) = mark {
            let place = between.len() + 1;
            // Writing to text cannot fail.
            let _ = write!(condition, " AND (r.created_at, r.id) {sign} (?{place}, ?{})", place + 1);
            between.extend(parameters![mark.created_at.clone(), mark.id.as_str()]);
        }
    }
    let sql = format!(
        "INSERT INTO @mark (scope, created_at, id, resources) SELECT k.scope, k.created_at, k.id, {LENGTH} FROM \
         (SELECT r.scope, r.created_at, r.id, row_number() OVER (ORDER BY r.created_at, r.id) AS place \
         FROM @resource r WHERE r.scope = ?1{condition}) AS k WHERE k.place % {LENGTH} = 0"
    );
    session.execute(&sql, &between).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scimkit_types::{Resource, Timestamp};

    use super::*;
    use crate::keys::instant_key;
    use crate::resource::{NewResource, Query, Tenant};
    use crate::sql::Database;
    use crate::sql::resources::{Create, Delete, Find};

    /// Who is created in this second, at this place among them.
    fn key(second: i64, place: i64) -> ResourceKey {
        ResourceKey::new(Tenant::default(), "User", format!("{second:06}-{place:03}"))
    }

    fn user(second: i64, place: i64) -> NewResource {
        NewResource::new(key(second, place), Resource::default(), Timestamp::from_second(second).unwrap())
    }

    /// Bare users of some seconds, ten in each.
    struct Fill(std::ops::Range<i64>);

    impl Work for Fill {
        type Answer = ();

        async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
            let Some(scope) = scope(session, "", "User", "").await? else { return Ok(()) };
            for second in self.0.clone() {
                let at = instant_key(Timestamp::from_second(second).unwrap());
                let rows: Vec<String> = (0..10).map(|place| format!("(?1, '{}', '{{}}', 1, ?2, ?2)", key(second, place).id)).collect();
                let sql =
                    format!("INSERT INTO @resource (scope, id, document, revision, created_at, modified_at) VALUES {}", rows.join(", "));
                session.execute(&sql, &parameters![scope.scope, at]).await?;
            }
            let sql = "UPDATE @scope_size SET resources = resources + ?2 WHERE scope = ?1 AND shard = \
                       (SELECT min(shard) FROM @scope_size WHERE scope = ?1)";
            session.execute(sql, &parameters![scope.scope, 10 * (self.0.end - self.0.start)]).await?;
            Ok(())
        }
    }

    /// The lengths of all stretches, the last one with them, after holding them against the resources that there are.
    struct Check;

    impl Work for Check {
        type Answer = Vec<u64>;

        async fn run<S: Session>(&self, session: &mut S) -> Result<Vec<u64>> {
            let scope = scope(session, "", "User", "").await?.unwrap().scope;
            let sql = "SELECT created_at, id FROM @resource WHERE scope = ?1 ORDER BY created_at, id";
            let mut resources: Vec<(Vec<u8>, String)> = Vec::new();
            for mut row in session.rows(sql, &parameters![scope]).await? {
                resources.push((row.take()?, row.take()?));
            }
            let total = size(session, scope).await?;
            assert_eq!(total, resources.len() as u64);
            let mut lengths = Vec::new();
            for mark in marks(session, scope).await? {
                let rest =
                    resources.split_off(resources.partition_point(|resource| *resource <= (mark.created_at.clone(), mark.id.clone())));
                assert_eq!(mark.resources, resources.len() as u64, "up to {}", mark.id);
                lengths.push(mark.resources);
                resources = rest;
            }
            lengths.push(resources.len() as u64);
            for offset in (0..total + 3).step_by(97) {
                let walked = before(session, scope, offset).await?.map_or(offset, |(_, resources)| offset - resources);
                assert!(walked <= *lengths.iter().max().unwrap() + 2, "{walked} to {offset}");
            }
            Ok(lengths)
        }
    }

    async fn ids(database: &impl Database, offset: u64, count: u64) -> Vec<String> {
        let mut query = Query::new(Tenant::default(), "User".to_owned(), count);
        query.offset = offset;
        let page = database.read(Find(query)).await.unwrap();
        page.resources.into_iter().map(|resource| resource.id).collect()
    }

    async fn check_stretches(database: &impl Database) {
        database.write(Create(user(500, 5))).await.unwrap();
        database.write(Delete(key(500, 5), None, Timestamp::UNIX_EPOCH)).await.unwrap();
        database.write(Fill(0..409)).await.unwrap();
        database.write(Divide(key(0, 0))).await.unwrap();
        assert_eq!(database.read(Check).await.unwrap(), [4090], "too short to divide");
        database.write(Fill(409..1000)).await.unwrap();
        database.write(Divide(key(0, 0))).await.unwrap();
        assert_eq!(database.read(Check).await.unwrap(), [2048, 2048, 2048, 2048, 1808]);
        let all = ids(database, 0, 10_000).await;
        for (offset, count) in [(1, 3), (2047, 2), (2048, 1), (4095, 3), (6000, 1), (8191, 2), (8192, 10), (9_990, 100), (10_000, 5)] {
            let expected: Vec<String> = all.iter().skip(offset).take(count).cloned().collect();
            assert_eq!(ids(database, offset as u64, count as u64).await, expected, "{offset} {count}");
        }
        // In the middle, at a mark, before all and after all.
        for (second, place) in [(300, 50), (204, 50), (-5, 0), (2000, 0)] {
            database.write(Create(user(second, place))).await.unwrap();
        }
        for (second, place) in [(204, 7), (0, 0), (999, 9)] {
            assert!(database.write(Delete(key(second, place), None, Timestamp::UNIX_EPOCH)).await.unwrap());
        }
        assert_eq!(database.read(Check).await.unwrap(), [2047, 2050, 2048, 2048, 1808]);
        // A stretch that has become long is divided, and the others are left alone.
        database.write(Fill(-300..-5)).await.unwrap();
        database.write(Divide(key(0, 0))).await.unwrap();
        assert_eq!(database.read(Check).await.unwrap(), [2048, 2048, 901, 2050, 2048, 2048, 1808]);
        assert_eq!(ids(database, 2949, 3).await, ["-00006-009", "-00005-000", "000000-001"].map(str::to_owned));
    }

    async fn check_concurrency<D: Database + 'static>(database: D) {
        let database = Arc::new(database);
        database.write(Create(user(0, 999))).await.unwrap();
        database.write(Fill(0..405)).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..6 {
            let database = Arc::clone(&database);
            tasks.spawn(async move {
                for n in 0..40 {
                    database.write(Create(user(405 + n, task))).await.unwrap();
                    let gone = key(7 * n + task, 3);
                    database.write(Delete(gone, None, Timestamp::UNIX_EPOCH)).await.unwrap();
                    if n % 10 == task {
                        database.write(Divide(key(0, 0))).await.unwrap();
                    }
                    if n == 20 && task == 0 {
                        database.write(Fill(600..700)).await.unwrap();
                    }
                }
            });
        }
        for done in tasks.join_all().await {
            let () = done;
        }
        database.write(Divide(key(0, 0))).await.unwrap();
        let lengths = database.read(Check).await.unwrap();
        assert!(lengths.len() > 1, "{lengths:?}");
    }

    #[cfg(feature = "sqlite")]
    mod in_sqlite {
        use crate::sqlite::database::SqliteDatabase;

        /// A page by index is where it would be if the list were read from the start, wherever stretches begin.
        #[tokio::test]
        async fn stretches_are_as_long_as_they_say() {
            super::check_stretches(&SqliteDatabase::open_in_memory().unwrap()).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn concurrent_changes_are_counted_while_stretches_are_divided() {
            super::check_concurrency(SqliteDatabase::open_in_memory().unwrap()).await;
        }
    }

    #[cfg(feature = "postgres")]
    mod in_postgres {
        use crate::postgres::cluster::schema;
        use crate::postgres::database::PostgresDatabase;

        /// A page by index is where it would be if the list were read from the start, wherever stretches begin.
        #[tokio::test]
        async fn stretches_are_as_long_as_they_say() {
            let Some(schema) = schema() else { return };
            super::check_stretches(&PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn concurrent_changes_are_counted_while_stretches_are_divided() {
            let Some(schema) = schema() else { return };
            super::check_concurrency(PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
        }
    }
}
