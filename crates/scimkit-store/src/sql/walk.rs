//! Sorted pages that an index gives: what results are sorted by stands in it in their order.
//!
//! An index holds the texts at one path as they are compared without case, and the instants. It has nothing of resources without a value,
//! which come last when ascending and first when descending, so that an ascending walk begins anywhere and a descending one after a value.
//! A page that a walk does not fill is for a statement that looks at every resource.

use scimkit_types::{AttributeType, SortOrder};

use super::filter::{self, Parameters};
use super::session::{Row, Session};
use crate::error::Result;
use crate::resource::{Query, Sort};

/// How many resources a walk passes over at most; each costs more than one of a statement that looks at all.
const FARTHEST: u64 = 10_000;

/// The rows of a page and one more, from an index; `None` if no index gives them all.
pub(super) async fn page<S: Session>(session: &mut S, scope: i64, query: &Query) -> Result<Option<Vec<Row>>> {
    let Some(sort) = query.sort.as_ref().filter(|_| query.filter.is_none() && query.offset <= FARTHEST) else { return Ok(None) };
    let mut parameters = Parameters::new(S::DIALECT);
    let Some(sql) = statement(scope, query, sort, &mut parameters)? else { return Ok(None) };
    let rows = session.rows(&sql, &parameters.values).await?;
    Ok((rows.len() as u64 > query.count).then_some(rows))
}

/// What gives the rows; `None` if no index does.
pub(super) fn statement(scope: i64, query: &Query, sort: &Sort, parameters: &mut Parameters) -> Result<Option<String>> {
    let column = match sort.path.type_ {
        AttributeType::String | AttributeType::Reference | AttributeType::Binary if !sort.path.case_exact => "v.folded",
        AttributeType::DateTime => "v.instant",
        _ => return Ok(None),
    };
    let is_text = sort.path.type_ != AttributeType::DateTime;
    let Some(path) = filter::only_path(&sort.path) else { return Ok(None) };
    let (sign, at_least, direction) = match sort.order {
        SortOrder::Descending => ("<", "<=", "DESC"),
        _ => (">", ">=", "ASC"),
    };
    let (scope, path) = (parameters.bind(scope), parameters.bind(path));
    let dialect = parameters.dialect;
    let indexed = if is_text { dialect.index(column) } else { column.to_owned() };
    let place = match &query.after {
        None if sort.order == SortOrder::Descending => return Ok(None),
        None => String::new(),
        Some(position) => {
            let Some(key) = &position.key else { return Ok(None) };
            let key = parameters.bind(filter::parameter_of(sort.path.type_, key)?);
            let id = parameters.bind(position.id.clone());
            let from = if is_text { dialect.index(&key) } else { key.clone() };
            format!(" AND {indexed} {at_least} {from} AND ({column} {sign} {key} OR ({column} = {key} AND r.id > {id}))")
        }
    };
    // The value that a resource is sorted by, if it has several.
    let better = dialect.exists(&format!(
        "SELECT 1 FROM @value w WHERE w.resource = v.resource AND w.path = v.path AND {} IS NOT NULL AND (w.is_primary > v.is_primary \
         OR (w.is_primary = v.is_primary AND (w.element, w.ordinal) < (v.element, v.ordinal)))",
        column.replacen('v', "w", 1)
    ));
    let within = if indexed == column { String::new() } else { format!("{column} {direction}, ") };
    let (limit, offset) = (parameters.bind(filter::bounded(query.count) + 1), parameters.bind(filter::bounded(query.offset)));
    // The index is walked, and each resource is looked up from there.
    Ok(Some(format!(
        "SELECT v.resource, {column} FROM @value v CROSS JOIN @resource r WHERE v.scope = {scope} AND v.path = {path} \
         AND {column} IS NOT NULL AND r.resource = v.resource AND NOT {better}{place} \
         ORDER BY {indexed} {direction}, {within}r.id LIMIT {limit} OFFSET {offset}"
    )))
}

#[cfg(test)]
mod tests {
    use scimkit_filter::AttributePath;
    use scimkit_types::{Catalog, Timestamp};

    use super::super::resources::{Create, Find, scope};
    use super::super::session::parameters;
    use super::super::{Database, Work};
    use super::*;
    use crate::resource::{NewResource, Position, ResourceKey, Tenant};

    /// The ids of a page that an index gives; `None` if it gives none.
    struct Walked(Query);

    impl Work for Walked {
        type Answer = Option<Vec<String>>;

        async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
            let scope = scope(session, "", "User", "").await?.unwrap().scope;
            let Some(rows) = page(session, scope, &self.0).await? else { return Ok(None) };
            let mut ids = Vec::new();
            for mut row in rows {
                let resource: i64 = row.take()?;
                let found = session.rows("SELECT id FROM @resource WHERE resource = ?1", &parameters![resource]).await?;
                ids.push(found.into_iter().next().unwrap().take()?);
            }
            Ok(Some(ids))
        }
    }

    /// How a database is going to walk, in its own words.
    #[cfg(feature = "sqlite")]
    struct Explain(Query);

    #[cfg(feature = "sqlite")]
    impl Work for Explain {
        type Answer = Vec<String>;

        async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
            let mut parameters = Parameters::new(S::DIALECT);
            let sql = statement(1, &self.0, self.0.sort.as_ref().unwrap(), &mut parameters)?.unwrap();
            let rows = session.rows(&format!("EXPLAIN QUERY PLAN {sql}"), &parameters.values).await?;
            let step = |mut row: Row| {
                for _ in 0..3 {
                    row.take::<i64>()?;
                }
                row.take()
            };
            rows.into_iter().map(step).collect()
        }
    }

    fn sorted(path: &str, order: SortOrder) -> Query {
        let catalog = Catalog::standard();
        let path: AttributePath = path.parse().unwrap();
        let path = scimkit_filter::resolve_path(&path, &catalog, catalog.resource_type("User").unwrap()).unwrap().0;
        let mut query = Query::new(Tenant::default(), "User".to_owned(), 3);
        query.sort = Some(Sort::new(path, order));
        query
    }

    /// Users whose names run against their ids, with four to a title and none for the last.
    async fn fill(database: &impl Database) {
        for n in 0..20_u32 {
            let title = if n == 19 { String::new() } else { format!(r#", "title": "T{}""#, n / 4) };
            let text = format!(r#"{{"userName": "U{:02}"{title}, "emails": [{{"value": "u{n}@example.com"}}]}}"#, 50 - n);
            let key = ResourceKey::new(Tenant::default(), "User", format!("{n:02}"));
            let at = Timestamp::from_second(i64::from(n)).unwrap();
            database.write(Create(NewResource::new(key, serde_json::from_str(&text).unwrap(), at))).await.unwrap();
        }
    }

    async fn check_pages(database: &impl Database) {
        fill(database).await;
        let walked = async |query: Query| database.read(Walked(query)).await.unwrap();
        let ids = |ids: [&str; 4]| Some(ids.map(str::to_owned).to_vec());
        let after = |mut query: Query, key: &str, id: &str| {
            query.after = Some(Position::new(Some(key.as_bytes().to_vec()), id.to_owned()));
            query
        };
        let mut far = sorted("userName", SortOrder::Ascending);
        assert_eq!(walked(far.clone()).await, ids(["19", "18", "17", "16"]));
        far.offset = 5;
        assert_eq!(walked(far.clone()).await, ids(["14", "13", "12", "11"]));
        far.offset = FARTHEST + 1;
        assert_eq!(walked(far).await, None, "too far");
        let title = sorted("title", SortOrder::Ascending);
        assert_eq!(walked(title.clone()).await, ids(["00", "01", "02", "03"]));
        assert_eq!(walked(after(title.clone(), "t0", "02")).await, ids(["03", "04", "05", "06"]));
        assert_eq!(walked(after(title, "t4", "16")).await, None, "who has no title comes after those who have");
        let title = sorted("title", SortOrder::Descending);
        assert_eq!(walked(title.clone()).await, None, "who has no title comes first");
        assert_eq!(walked(after(title, "t2", "10")).await, ids(["11", "04", "05", "06"]));
        let created = sorted("meta.lastModified", SortOrder::Ascending);
        assert_eq!(walked(created).await, ids(["00", "01", "02", "03"]));
        assert_eq!(walked(sorted("emails.value", SortOrder::Ascending)).await, None, "which has two paths");
        assert_eq!(walked(sorted("externalId", SortOrder::Ascending)).await, None, "which differs by case");
        let page = database.read(Find(sorted("userName", SortOrder::Ascending))).await.unwrap();
        assert_eq!((page.total, page.resources.len(), page.next.unwrap().id.as_str()), (20, 3, "17"));
    }

    #[cfg(feature = "sqlite")]
    mod in_sqlite {
        use super::*;
        use crate::sqlite::database::SqliteDatabase;

        #[tokio::test]
        async fn sorted_pages_come_from_an_index() {
            check_pages(&SqliteDatabase::open_in_memory().unwrap()).await;
        }

        #[tokio::test]
        async fn a_walk_sorts_ties_only() {
            let database = SqliteDatabase::open_in_memory().unwrap();
            for (path, index) in [("userName", "value_by_text"), ("meta.lastModified", "value_by_instant")] {
                let plan = database.read(Explain(sorted(path, SortOrder::Ascending))).await.unwrap();
                assert!(plan.first().is_some_and(|step| step.contains(index)), "{plan:?}");
                assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE") || step.contains("LAST TERM")), "{plan:?}");
            }
        }
    }

    #[cfg(feature = "postgres")]
    mod in_postgres {
        use crate::postgres::cluster::schema;
        use crate::postgres::database::PostgresDatabase;

        #[tokio::test]
        async fn sorted_pages_come_from_an_index() {
            let Some(schema) = schema() else { return };
            super::check_pages(&PostgresDatabase::open(schema.pool.clone(), &schema.name).await.unwrap()).await;
        }
    }
}
