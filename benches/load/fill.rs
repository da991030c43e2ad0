//! Many users by SQL: rows that the store wrote for one user are copied, each with another number in the place of that one's.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use scimkit::client::http::{Method, StatusCode};
use scimkit::store::ResourceStore;
use tokio_postgres::Client;

use crate::served;

/// The number of the user that is copied; nothing else in its rows holds these digits.
const PATTERN: u64 = 7_777_777;

/// Creates the user that is copied.
pub async fn pattern(store: Arc<dyn ResourceStore>) -> Result<(), Box<dyn std::error::Error>> {
    let server = served::server_from(store, PATTERN);
    let (status, body) = served::ask(&server, Method::POST, "/Users", served::user(usize::try_from(PATTERN)?)).await;
    if status == StatusCode::CREATED { Ok(()) } else { Err(String::from_utf8_lossy(&body).into()) }
}

/// The statements that make users of the pattern, but for what is different in each database. `@` stands before the name of each table.
fn statements(users: usize) -> String {
    let copy = |table: &str, columns: &str, changed: &str| {
        format!(
            "CREATE TEMP TABLE pattern_{table} AS SELECT * FROM @{table} WHERE resource = {{PATTERN}}; \
             DELETE FROM @{table} WHERE resource = {{PATTERN}}; \
             INSERT INTO @{table} (resource, {columns}) {{OVERRIDING}} SELECT r.resource + n.n, {changed} \
             FROM {{NUMBERS}} n CROSS JOIN pattern_{table} r;"
        )
    };
    let new = |column: &str| format!("replace(r.{column}, '{PATTERN}', CAST(n.n AS TEXT))");
    let mut sql = copy(
        "value",
        "path, element, ordinal, scope, kind, present, is_primary, folded, exact, boolean, number, instant",
        &format!(
            "r.path, r.element, r.ordinal, r.scope, r.kind, r.present, r.is_primary, {}, {}, r.boolean, r.number, r.instant",
            new("folded"),
            new("exact")
        ),
    );
    sql += &copy("unique_key", "scope, attribute, key", &format!("r.scope, r.attribute, {}", new("key")));
    let changed = format!("r.scope, {}, {}, r.revision, r.created_at, r.modified_at", new("id"), new("document"));
    sql += &copy("resource", "scope, id, document, revision, created_at, modified_at", &changed);
    sql += &format!("UPDATE @scope_size SET resources = {users};");
    sql += "INSERT INTO @mark (scope, created_at, id, resources) SELECT scope, created_at, id, 2048 FROM \
            (SELECT scope, created_at, id, row_number() OVER (PARTITION BY scope ORDER BY created_at, id) AS place FROM @resource) AS k \
            WHERE place % 2048 = 0;";
    sql
}

/// Fills a file that holds the pattern only.
pub fn sqlite(path: &Path, users: usize) -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::open(path)?;
    // Nothing is written twice; the store sets the log up again.
    connection.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA foreign_keys = OFF; PRAGMA temp_store = FILE;")?;
    let pattern: i64 = connection.query_row("SELECT resource FROM resource", [], |row| row.get(0))?;
    // Indexes are made at once and not entry by entry.
    let dropped = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name IN ('value', 'resource', 'unique_key') \
                   AND type IN ('index', 'trigger')";
    let dropped: Vec<(String, String, String)> =
        connection.prepare(dropped)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
    connection.execute_batch("BEGIN")?;
    for (kind, name, _) in &dropped {
        connection.execute_batch(&format!("DROP {kind} {name}"))?;
    }
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE numbers AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {users}) SELECT n FROM n"
    ))?;
    let sql = statements(users).replace("{OVERRIDING}", "").replace("{NUMBERS}", "numbers");
    connection.execute_batch(&sql.replace("{PATTERN}", &pattern.to_string()).replace('@', ""))?;
    for (_, _, sql) in &dropped {
        connection.execute_batch(sql)?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// Fills a schema that holds the pattern only.
pub async fn postgres(client: &Client, schema: &str, users: usize) -> Result<(), Box<dyn std::error::Error>> {
    let pattern: i64 = client.query_one(&format!("SELECT resource FROM {schema}.resource"), &[]).await?.get(0);
    let indexes = "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
                   WHERE t.relnamespace = $1::text::regnamespace AND t.relname IN ('value', 'resource', 'unique_key') \
                   AND NOT i.indisprimary AND NOT i.indisunique";
    let indexes = client.query(indexes, &[&schema]).await?;
    client.batch_execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'; BEGIN").await?;
    for index in &indexes {
        client.batch_execute(&format!("DROP INDEX {}", index.get::<_, String>(0))).await?;
    }
    client.batch_execute(&format!("ALTER TABLE {schema}.resource DISABLE TRIGGER USER")).await?;
    let numbers = format!("(SELECT generate_series(1::bigint, {users}) AS n)");
    for statement in statements(users).split_terminator(';') {
        let overriding = if statement.contains("@resource (") { "OVERRIDING SYSTEM VALUE" } else { "" };
        let sql = statement.replace("{OVERRIDING}", overriding).replace("{NUMBERS}", &numbers);
        client.batch_execute(&sql.replace("{PATTERN}", &pattern.to_string()).replace('@', &format!("{schema}."))).await?;
    }
    for index in &indexes {
        client.batch_execute(&index.get::<_, String>(1)).await?;
    }
    let next = format!("SELECT setval(pg_get_serial_sequence('{schema}.resource', 'resource'), {})", pattern + i64::try_from(users)? + 1);
    client.batch_execute(&format!("ALTER TABLE {schema}.resource ENABLE TRIGGER USER; {next}; COMMIT")).await?;
    for table in ["value", "resource", "unique_key", "mark", "scope", "scope_size"] {
        client.batch_execute(&format!("VACUUM ANALYZE {schema}.{table}")).await?;
    }
    Ok(())
}
