//! What statements cost: which indexes they use, and how many rows they touch.

use std::fmt::Write as _;

use scimkit_filter::Filter;
use scimkit_types::{Catalog, Change, Dialect, Resource, Timestamp};

use super::handout::{HELD, NEXT_FREE, Offer, TakeDue, Withhold, due};
use super::resources::{self, Statements};
use super::session::{Each, Parameter, Row, Session, parameters};
use super::{Database, Work};
use crate::error::Result;
use crate::keys::instant_key;
use crate::resource::{NewResource, Query, ResourceKey, Tenant, UniqueKey, Update};
use crate::state::JobId;

/// How a database is going to answer a query, in its own words.
struct Explain(Query);

impl Work for Explain {
    type Answer = String;

    async fn run<S: Session>(&self, session: &mut S) -> Result<String> {
        let sql = "SELECT scope FROM @scope WHERE tenant = ?1 AND resource_type = ?2";
        let found = session.rows(sql, &parameters![self.0.tenant.as_str(), self.0.resource_type.as_str()]).await?;
        let scope = found.into_iter().next().unwrap().take()?;
        let statements = Statements::new(&self.0, scope, S::DIALECT)?;
        explain(session, &statements.page, &statements.parameters).await
    }
}

async fn explain<S: Session>(session: &mut S, statement: &str, parameters: &[Parameter]) -> Result<String> {
    let is_sqlite = S::DIALECT.shards() == 1;
    let explain = if is_sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let mut plan = String::new();
    for mut row in session.rows(&format!("{explain} {statement}"), parameters).await? {
        if is_sqlite {
            for _ in 0..3 {
                row.take::<i64>()?;
            }
        }
        writeln!(plan, "{}", row.take::<String>()?).unwrap();
    }
    Ok(plan)
}

/// How a database is going to look for work.
struct ExplainHandout;

impl Work for ExplainHandout {
    type Answer = [String; 3];

    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let now = parameters![instant_key(Timestamp::from_second(1).unwrap()), 8];
        Ok([explain(session, &due(S::DIALECT), &now).await?, explain(session, NEXT_FREE, &[]).await?, explain(session, HELD, &[]).await?])
    }
}

/// Brings what the planner knows of the tables up to date.
struct Analyze;

impl Work for Analyze {
    type Answer = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<()> {
        for table in ["value", "resource", "scope", "job_lease"] {
            session.execute(&format!("ANALYZE @{table}"), &[]).await?;
        }
        Ok(())
    }
}

fn key(resource_type: &str, id: &str) -> ResourceKey {
    ResourceKey::new(Tenant::new("acme"), resource_type, id)
}

fn json(text: &str) -> Resource {
    serde_json::from_str(text).unwrap()
}

/// Matching attributes, and whatever else is compared by `eq`, are found by an index: among users that are many.
async fn check_plans(database: &impl Database) {
    for n in 0..800 {
        let document = json(&format!(
            r#"{{"userName": "user{n}@example.com", "externalId": "x{n}", "displayName": "User {n}", "nickName": "n{n}",
                "emails": [{{"value": "user{n}@example.com", "type": "work"}}, {{"value": "user{n}@home.test", "type": "home"}}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {{"employeeNumber": "e{n}"}}}}"#
        ));
        let mut user = NewResource::new(key("User", &format!("u{n}")), document, Timestamp::from_second(n).unwrap());
        user.unique = vec![UniqueKey::new("userName", format!("user{n}@example.com"))];
        database.write(resources::Create(user)).await.unwrap();
    }
    database.write(Analyze).await.unwrap();
    let catalog = Catalog::standard();
    for filter in [
        r#"userName eq "USER7@example.com""#,
        r#"externalId eq "x7""#,
        r#"displayName eq "user 7""#,
        r#"emails.value eq "user7@example.com""#,
        r#"emails[type eq "work" and value eq "user7@example.com"]"#,
        r#"emails[type eq "work"].value eq "user7@example.com""#,
        r#"nickName eq "n7""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "e7""#,
        r#"userName eq "user7@example.com" and not (active eq false)"#,
        r#"userName eq "user7@example.com" or externalId eq "x8""#,
    ] {
        let Ok(parsed) = Filter::parse(filter) else { continue };
        let resolved = parsed.resolve(&catalog, catalog.resource_type("User").unwrap(), Dialect::STRICT).unwrap();
        let mut query = Query::new(Tenant::new("acme"), "User".to_owned(), 10);
        query.filter = Some(resolved);
        let plan = database.read(Explain(query.clone())).await.unwrap();
        assert!(plan.contains("value_by_text"), "{filter}:\n{plan}");
        let is_scan = |line: &str| line.contains("SCAN r") || line.contains("Seq Scan on value") || line.contains("Seq Scan on resource");
        assert!(!plan.lines().any(is_scan), "{filter}:\n{plan}");
        let found = database.read(resources::Find(query)).await.unwrap();
        assert!((1..=2).contains(&found.total), "{filter} finds {}", found.total);
    }
    let query = Query::new(Tenant::new("acme"), "User".to_owned(), 10);
    let plan = database.read(Explain(query)).await.unwrap();
    assert!(plan.contains("resource_by_creation") && !plan.contains("SCAN r\n"), "{plan}");
}

/// Who asks for work does not look at all jobs: among many, of which few are due and few are run.
async fn check_handout_plans(database: &impl Database) {
    let instant = |second: i64| Timestamp::from_second(second).unwrap();
    for number in 0..1_500 {
        let job = JobId::new(format!("job {number}"));
        database.write(Offer(job.clone(), instant(number))).await.unwrap();
        if number % 3 == 0 {
            database.write(Withhold(job, "Paused".to_owned())).await.unwrap();
        }
    }
    let take = TakeDue { owner: "one".to_owned(), now: instant(30), expires_at: instant(90), limit: 5 };
    assert_eq!(database.write(take).await.unwrap().len(), 5);
    database.write(Analyze).await.unwrap();
    let plans = database.write(ExplainHandout).await.unwrap();
    for (plan, index) in plans.iter().zip(["job_lease_by_due", "job_lease_by_due", "job_lease_held"]) {
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "expected {index}:\n{plan}");
    }
}

/// Statements, rows that they gave and rows that they changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    statements: usize,
    read: usize,
    changed: u64,
}

struct Counting<'a, S> {
    session: &'a mut S,
    cost: Cost,
}

impl<S: Session> Session for Counting<'_, S> {
    const DIALECT: super::session::SqlDialect = S::DIALECT;

    async fn rows(&mut self, sql: &str, parameters: &[Parameter]) -> Result<Vec<Row>> {
        let rows = self.session.rows(sql, parameters).await?;
        self.cost.statements += 1;
        self.cost.read += rows.len();
        Ok(rows)
    }

    async fn texts(&mut self, statement: &Each, shared: &[Parameter], keys: &[String]) -> Result<Vec<Option<String>>> {
        self.cost.statements += 1;
        self.cost.read += keys.len();
        self.session.texts(statement, shared, keys).await
    }

    async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64> {
        let changed = self.session.execute(sql, parameters).await?;
        self.cost.statements += 1;
        self.cost.changed += changed;
        Ok(changed)
    }

    async fn each(&mut self, statement: &Each, rows: &[Vec<Parameter>]) -> Result<u64> {
        self.cost.statements += 1;
        self.cost.changed += rows.len() as u64;
        self.session.each(statement, rows).await
    }

    async fn put(&mut self, add: &Each, change: &Each, shared: [i64; 2], rows: &[(&str, &str)]) -> Result<u64> {
        self.cost.statements += 2;
        self.cost.changed += rows.len() as u64;
        self.session.put(add, change, shared, rows).await
    }
}

/// What other work costs.
struct Counted<W>(W);

impl<W: Work> Work for Counted<W> {
    type Answer = Cost;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Cost> {
        let mut counting = Counting { session, cost: Cost::default() };
        self.0.run(&mut counting).await?;
        Ok(counting.cost)
    }
}

/// R7644-3.5.2-07, entra.md 5.2: adding or removing one member of a group of any size takes the same statements on as many rows.
async fn check_member_cost(database: &impl Database) {
    let mut costs = Vec::new();
    for size in [2, 5_000] {
        let members: Vec<String> = (0..size).map(|n| format!(r#"{{"value": "u{n}", "display": "User {n}"}}"#)).collect();
        let document = json(&format!(r#"{{"displayName": "group", "members": [{}]}}"#, members.join(",")));
        let mut group = NewResource::new(key("Group", &size.to_string()), document, Timestamp::UNIX_EPOCH);
        group.member_attributes = vec!["members".to_owned()];
        database.write(resources::Create(group)).await.unwrap();
        let member = json(r#"{"value": "new"}"#).into_complex().into();
        let add = Change::AddMember { attribute: "members".to_owned(), member };
        let remove = Change::RemoveMember { attribute: "members".to_owned(), value: "u1".to_owned() };
        let mut cost = Vec::new();
        for change in [add, remove] {
            let mut update = Update::new(key("Group", &size.to_string()), Timestamp::from_second(1).unwrap());
            update.members = vec![change];
            cost.push(database.write(Counted(resources::Change(update))).await.unwrap());
        }
        let get = resources::Get(key("Group", &size.to_string()), crate::Selection::WithoutMembers);
        cost.push(database.read(Counted(get)).await.unwrap());
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[1].iter().all(|cost| cost.statements <= 8 && cost.read <= 4 && cost.changed <= 6), "{costs:?}");
}

#[cfg(feature = "sqlite")]
mod in_sqlite {
    use crate::sqlite::database::SqliteDatabase;

    #[tokio::test]
    async fn matching_attributes_are_found_by_an_index() {
        super::check_plans(&SqliteDatabase::open_in_memory().unwrap()).await;
    }

    #[tokio::test]
    async fn the_cost_of_a_member_does_not_depend_on_the_size_of_the_group() {
        super::check_member_cost(&SqliteDatabase::open_in_memory().unwrap()).await;
    }

    #[tokio::test]
    async fn who_asks_for_work_does_not_look_at_all_jobs() {
        super::check_handout_plans(&SqliteDatabase::open_in_memory().unwrap()).await;
    }
}

#[cfg(feature = "postgres")]
mod in_postgres {
    use crate::postgres::cluster::schema;
    use crate::postgres::database::PostgresDatabase;

    #[tokio::test]
    async fn matching_attributes_are_found_by_an_index() {
        let Some(schema) = schema() else { return };
        super::check_plans(&PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
    }

    #[tokio::test]
    async fn the_cost_of_a_member_does_not_depend_on_the_size_of_the_group() {
        let Some(schema) = schema() else { return };
        super::check_member_cost(&PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
    }

    #[tokio::test]
    async fn who_asks_for_work_does_not_look_at_all_jobs() {
        let Some(schema) = schema() else { return };
        super::check_handout_plans(&PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
    }
}
