use proptest::prelude::*;
use scimkit_filter::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, ResolvedFilter, ValuePath};
use scimkit_store::conformance::check_filter;
use scimkit_store::sqlite::SqliteResources;
use scimkit_store::{MemoryResources, NewResource, Query, ResourceKey, ResourceStore, Sort, Tenant};
use scimkit_types::{
    Attribute, AttributeType, Catalog, ComplexValue, Dialect, Number, Resource, ResourceType, Schema, SortOrder, Timestamp, Tolerance,
    Value,
};

const EXTENSION: &str = "urn:example:ext:2.0:Thing";

/// A resource type with an attribute of every type, singular and multi-valued, with case and without.
fn catalog() -> Catalog {
    let attribute = |name: &str, type_: AttributeType| Attribute::new(name.parse().unwrap(), type_);
    let mut exact = attribute("exact", AttributeType::String);
    exact.case_exact = true;
    let mut tags = attribute("tags", AttributeType::String);
    tags.is_multi_valued = true;
    let mut name = attribute("name", AttributeType::Complex);
    name.sub_attributes = vec![attribute("text", AttributeType::String), attribute("size", AttributeType::Integer)];
    let mut items = attribute("items", AttributeType::Complex);
    items.is_multi_valued = true;
    let mut reference = attribute("$ref", AttributeType::Reference);
    reference.case_exact = true;
    items.sub_attributes = vec![
        attribute("value", AttributeType::String),
        attribute("type", AttributeType::String),
        attribute("primary", AttributeType::Boolean),
        attribute("at", AttributeType::DateTime),
        attribute("size", AttributeType::Decimal),
        reference,
    ];
    let base = vec![
        attribute("text", AttributeType::String),
        exact,
        attribute("flag", AttributeType::Boolean),
        attribute("count", AttributeType::Integer),
        attribute("rate", AttributeType::Decimal),
        attribute("at", AttributeType::DateTime),
        tags,
        name,
        items.clone(),
    ];
    let extension = vec![attribute("text", AttributeType::String), items];
    let schemas = vec![Schema::new("urn:example:Thing".parse().unwrap(), base), Schema::new(EXTENSION.parse().unwrap(), extension)];
    let mut thing = ResourceType::new("Thing", "/Things", "urn:example:Thing".parse().unwrap());
    thing.schema_extensions.push(scimkit_types::SchemaExtension::new(EXTENSION.parse().unwrap(), false));
    Catalog::new(schemas, vec![thing]).unwrap()
}

const TEXTS: [&str; 29] = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "AB",
    "%",
    "_",
    "\\",
    "'",
    "a%b",
    "ß",
    "ss",
    "SS",
    "İ",
    "i",
    "I",
    "ı",
    "i̇",
    "ς",
    "σ",
    "Σ",
    "e\u{301}",
    "\u{e9}",
    "\u{c9}",
    "\u{ffff}",
    "\u{1f600}",
    "ﬁ",
    "work",
];

const INSTANTS: [&str; 9] = [
    "2011-05-13T04:42:34Z",
    "2011-05-13T06:42:34+02:00",
    "2011-05-13T04:42:34",
    "2011-05-13T04:42:34.000000001Z",
    "2011-05-12T23:42:34.5-05:00",
    "0001-01-01T00:00:00Z",
    "9999-12-30T00:00:00Z",
    "2011-05-13",
    "2011-13-13T00:00:00Z",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        1 => prop::sample::select(&INSTANTS[..]).prop_map(str::to_owned),
        1 => (prop::sample::select(&TEXTS[..]), prop::sample::select(&TEXTS[..])).prop_map(|(left, right)| format!("{left}{right}")),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        (-2i64..3).prop_map(Number::from),
        prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX, 9_007_199_254_740_992, 9_007_199_254_740_993]).prop_map(Number::from),
        prop::sample::select(vec![u64::MAX, u64::MAX - 1, 1 << 63]).prop_map(Number::from),
        prop::sample::select(vec![-0.0, 0.0, 0.5, 1.0, 1.5, -1e300, 9_007_199_254_740_992.0, 1e19])
            .prop_map(|n| Number::from_f64(n).unwrap()),
        prop::sample::select(vec!["1.10", "1.1", "1.1000000000000000001", "18446744073709551616", "-0", "9007199254740992.5"])
            .prop_map(|text| text.parse().unwrap()),
    ]
}

fn simple() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => number().prop_map(Value::from),
        5 => text().prop_map(Value::from),
    ]
}

fn complex() -> impl Strategy<Value = Value> {
    let names = ["value", "type", "primary", "at", "size", "$ref", "text", "TYPE"];
    let value = prop_oneof![5 => simple(), 1 => prop::collection::vec(simple(), 0..3).prop_map(Value::from)];
    prop::collection::vec((prop::sample::select(names.to_vec()), value), 0..4)
        .prop_map(|members| Value::from(members.into_iter().collect::<ComplexValue>()))
}

/// Values of the right type and of wrong ones, singular and in lists; but no list directly inside a list.
fn value() -> impl Strategy<Value = Value> {
    let element = || prop_oneof![simple(), complex()];
    prop_oneof![3 => simple(), 1 => complex(), 3 => prop::collection::vec(element(), 0..4).prop_map(Value::from)]
}

fn attributes() -> impl Strategy<Value = ComplexValue> {
    let names = ["text", "exact", "flag", "count", "rate", "at", "tags", "name", "items", "ITEMS", "Text", "x.y", "é"];
    prop::collection::vec((prop::sample::select(names.to_vec()), value()), 0..7).prop_map(|members| members.into_iter().collect())
}

fn resource() -> impl Strategy<Value = Resource> {
    let key = prop::sample::select(vec![EXTENSION, "URN:EXAMPLE:EXT:2.0:THING", "urn:example:ext"]);
    (attributes(), prop::option::of((key, attributes()))).prop_map(|(mut base, extension)| {
        if let Some((key, attributes)) = extension {
            base.insert(key, attributes);
        }
        Resource::from(base)
    })
}

const PATHS: [&str; 21] = [
    "text",
    "exact",
    "flag",
    "count",
    "rate",
    "at",
    "tags",
    "name",
    "name.text",
    "name.size",
    "items",
    "items.value",
    "items.type",
    "items.primary",
    "items.at",
    "items.size",
    "items.$ref",
    "id",
    "meta.created",
    "schemas",
    "externalId",
];

fn operator() -> impl Strategy<Value = CompareOperator> {
    use CompareOperator::*;
    prop::sample::select(vec![Equal, NotEqual, Contains, StartsWith, EndsWith, GreaterThan, GreaterOrEqual, LessThan, LessOrEqual])
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        1 => Just(Literal::Null),
        2 => any::<bool>().prop_map(Literal::Boolean),
        4 => number().prop_map(Literal::Number),
        8 => text().prop_map(Literal::from),
        4 => prop::sample::select(&INSTANTS[..]).prop_map(Literal::from),
    ]
}

fn expression(paths: impl Strategy<Value = AttributePath> + 'static) -> BoxedStrategy<Filter> {
    (paths, prop_oneof![1 => Just(None), 6 => (operator(), literal()).prop_map(Some)])
        .prop_map(|(path, compare)| {
            Filter::Attribute(match compare {
                None => AttributeExpression::Present(path),
                Some((operator, value)) => AttributeExpression::Compare { path, operator, value },
            })
        })
        .boxed()
}

fn tree(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Filter::and(parts).unwrap()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| Filter::or(parts).unwrap()),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
    .boxed()
}

fn path(text: &str, is_extension: bool) -> AttributePath {
    let mut path = AttributePath::parse(text).unwrap();
    path.schema = is_extension.then(|| EXTENSION.parse().unwrap());
    path
}

/// A filter that fits the resource type; comparisons that do not fit stand no chance of being drawn.
fn filter() -> impl Strategy<Value = ResolvedFilter> {
    let base = prop::sample::select(&PATHS[..]).prop_map(|text| path(text, false));
    let extended = prop::sample::select(&["text", "items", "items.type"][..]).prop_map(|text| path(text, true));
    let sub = prop::sample::select(&["value", "type", "primary", "at", "size", "$ref"][..]).prop_map(|text| path(text, false));
    let element = (tree(fitting(expression(sub), true)), any::<bool>())
        .prop_map(|(inner, is_extension)| Filter::ValuePath(ValuePath::new(path("items", is_extension), inner)));
    let leaf = prop_oneof![4 => expression(base), 1 => expression(extended), 2 => element].boxed();
    let not = |filter| Filter::Not(Box::new(filter));
    prop_oneof![4 => tree(fitting(leaf.clone(), false)), 1 => tree(fitting(leaf, false)).prop_map(move |filter| not(not(not(filter))))]
        .prop_map(|filter| resolve(&filter).unwrap())
}

fn fitting(leaf: BoxedStrategy<Filter>, is_relative: bool) -> BoxedStrategy<Filter> {
    let fits = move |filter: &Filter| {
        let whole = if is_relative { Filter::ValuePath(ValuePath::new(path("items", false), filter.clone())) } else { filter.clone() };
        resolve(&whole).is_some()
    };
    leaf.prop_filter("the comparison does not fit the attribute", fits).boxed()
}

fn resolve(filter: &Filter) -> Option<ResolvedFilter> {
    static CATALOG: std::sync::LazyLock<Catalog> = std::sync::LazyLock::new(catalog);
    filter.resolve(&CATALOG, CATALOG.resource_type("Thing").unwrap(), Dialect::default()).ok()
}

async fn fill(store: &dyn ResourceStore, tenant: &Tenant, resources: &[Resource]) {
    for (n, resource) in (0i64..).zip(resources) {
        let key = ResourceKey::new(tenant.clone(), "Thing", format!("t{n}"));
        let mut new = NewResource::new(key, resource.clone(), Timestamp::from_second(n / 2).unwrap());
        // Elements that are kept apart are found like those in documents.
        new.member_attributes = if n == 0 { vec!["tags".to_owned()] } else { vec![] };
        store.create(new).await.unwrap();
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Numbers compare exactly, also where doubles cannot tell them apart.
#[test]
fn large_integers_and_decimals_compare_as_in_the_evaluator() {
    let numbers: Vec<Number> = [i64::MIN, i64::MIN + 1, -1, 0, 9_007_199_254_740_992, 9_007_199_254_740_993]
        .map(Number::from)
        .into_iter()
        .chain([u64::MAX, u64::MAX - 1].map(Number::from))
        .chain([-0.0, 0.5, 9_007_199_254_740_992.0].map(|number| Number::from_f64(number).unwrap()))
        .chain(["9007199254740992.5", "0.50", "123456789012345678901234567890"].map(|text| text.parse().unwrap()))
        .collect();
    let resources: Vec<Resource> = numbers.iter().map(|number| ComplexValue::from_iter([("rate", number.clone())]).into()).collect();
    let mut checked = 0;
    run(async {
        let sqlite = SqliteResources::open_in_memory().unwrap();
        fill(&sqlite, &Tenant::default(), &resources).await;
        use CompareOperator::*;
        for operator in [Equal, NotEqual, GreaterThan, GreaterOrEqual, LessThan, LessOrEqual] {
            for number in &numbers {
                let value = Literal::Number(number.clone());
                let filter = Filter::Attribute(AttributeExpression::Compare { path: path("rate", false), operator, value });
                check_filter(&sqlite, &Tenant::default(), "Thing", &resolve(&filter).unwrap()).await;
                checked += 1;
            }
        }
    });
    assert_eq!(checked, 84);
}

/// AMB-09: where a dialect looks for text in that of a dateTime, databases find what the evaluator does, with case and zone as it was sent.
#[test]
fn text_is_found_in_date_times_as_in_the_evaluator() {
    let instants = INSTANTS.iter().copied().chain(["2011-05-13t04:42:34z", "soon", ""]);
    let single = instants.clone().map(|at| ComplexValue::from_iter([("at", at)]).into());
    let in_items = instants.map(|at| {
        let item = Value::from(ComplexValue::from_iter([("at", at)]));
        ComplexValue::from_iter([("items", Value::from(vec![item]))]).into()
    });
    let resources: Vec<Resource> = single.chain(in_items).chain([Resource::default()]).collect();
    let catalog = catalog();
    let thing = catalog.resource_type("Thing").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stores: Vec<Box<dyn ResourceStore>> =
        vec![Box::new(MemoryResources::new()), Box::new(SqliteResources::open_in_memory().unwrap())];
    #[cfg(feature = "postgres")]
    let schema = crate::cluster::schema();
    #[cfg(feature = "postgres")]
    if let Some(schema) = &schema {
        use scimkit_store::postgres::PostgresResources;
        stores.push(Box::new(runtime.block_on(PostgresResources::open_in(schema.pool.clone(), &schema.name)).unwrap()));
    }
    let mut found = 0;
    for store in &stores {
        runtime.block_on(async {
            fill(&**store, &Tenant::default(), &resources).await;
            use CompareOperator::*;
            for (operator, text) in [Contains, StartsWith, EndsWith]
                .into_iter()
                .flat_map(|operator| ["2011-05", "T04", "t04", "Z", "z", "+02:00", "", "oo"].map(|text| (operator, text)))
            {
                let compare = |name: &str| Filter::compare(path(name, false), operator, text);
                let filters = [
                    compare("at"),
                    compare("items.at"),
                    compare("at").negated(),
                    Filter::ValuePath(ValuePath::new(path("items", false), compare("at"))),
                ];
                for filter in filters {
                    assert!(filter.resolve(&catalog, thing, Dialect::STRICT).is_err());
                    let resolved = filter.resolve(&catalog, thing, Dialect::STRICT.with(Tolerance::DateTimeSubstring)).unwrap();
                    check_filter(&**store, &Tenant::default(), "Thing", &resolved).await;
                    found += resources.iter().filter(|resource| resolved.matches(resource)).count();
                }
            }
        });
    }
    assert!(found > 500 * stores.len(), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 1_000_000, max_local_rejects: 1_000_000, ..ProptestConfig::default() })]

    /// A filter means the same in the evaluator, in SQLite and through the indexes in memory.
    #[test]
    fn every_store_answers_as_the_evaluator(
        resources in prop::collection::vec(resource(), 1..8),
        filters in prop::collection::vec(filter(), 8),
    ) {
        run(async {
            let indexed = ["text", "exact", "tags", "name.text", "items.value", "items.type", "urn:example:ext:2.0:Thing:text"];
            let memory = MemoryResources::new().with_matching_attributes(indexed);
            let sqlite = SqliteResources::open_in_memory().unwrap();
            fill(&memory, &Tenant::default(), &resources).await;
            fill(&sqlite, &Tenant::default(), &resources).await;
            for filter in &filters {
                check_filter(&memory, &Tenant::default(), "Thing", filter).await;
                check_filter(&sqlite, &Tenant::default(), "Thing", filter).await;
            }
        });
    }

    /// SQLite sorts as memory does.
    #[test]
    fn every_store_sorts_alike(resources in prop::collection::vec(resource(), 1..8), text in prop::sample::select(&PATHS[..])) {
        let path = sort_path(text);
        run(async {
            let (memory, sqlite) = (MemoryResources::new(), SqliteResources::open_in_memory().unwrap());
            fill(&memory, &Tenant::default(), &resources).await;
            fill(&sqlite, &Tenant::default(), &resources).await;
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let mut query = Query::new(Tenant::default(), "Thing".to_owned(), 100);
                query.sort = Some(Sort::new(path.clone(), order));
                assert_eq!(sqlite.query(&query).await.unwrap(), memory.query(&query).await.unwrap());
            }
        });
    }
}

/// Invariant 8, for as many pairs of a filter and a resource as `SCIMKIT_FILTER_PAIRS` says: each database answers as the evaluator does,
/// and pages, by index and by position, are those of the store in memory.
#[test]
fn databases_answer_as_the_evaluator_and_page_as_memory() {
    const RESOURCES: usize = 40;
    const FILTERS: usize = 50;
    let wanted: usize = std::env::var("SCIMKIT_FILTER_PAIRS").map_or(4_000, |pairs| pairs.parse().unwrap());
    let cases = u32::try_from(wanted.div_ceil(RESOURCES * FILTERS)).unwrap();
    let config = ProptestConfig { cases, max_local_rejects: 10_000_000, failure_persistence: None, ..ProptestConfig::default() };
    // Dropped after the runtime, whose connections would hold it.
    #[cfg(feature = "postgres")]
    let schema = crate::cluster::schema();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut databases: Vec<Box<dyn ResourceStore>> = vec![Box::new(SqliteResources::open_in_memory().unwrap())];
    #[cfg(feature = "postgres")]
    if let Some(schema) = &schema {
        use scimkit_store::postgres::PostgresResources;
        databases.push(Box::new(runtime.block_on(PostgresResources::open_in(schema.pool.clone(), &schema.name)).unwrap()));
    }
    let (pairs, tenants) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let sorts = prop::collection::vec((prop::sample::select(&PATHS[..]), any::<bool>(), 0..6u64, 1..9u64), 4);
    let batch = (prop::collection::vec(resource(), RESOURCES..RESOURCES + 1), prop::collection::vec(filter(), FILTERS..FILTERS + 1), sorts);
    let checked = proptest::test_runner::TestRunner::new(config).run(&batch, |(resources, filters, sorts)| {
        // The databases keep what was there before: each batch is a tenant of its own.
        tenants.set(tenants.get() + 1);
        let tenant = Tenant::new(format!("tenant {}", tenants.get()));
        let memory = MemoryResources::new();
        runtime.block_on(async {
            fill(&memory, &tenant, &resources).await;
            for database in &databases {
                fill(&**database, &tenant, &resources).await;
            }
        });
        let mut query = Query::new(tenant.clone(), "Thing".to_owned(), u64::MAX);
        let searchable: Vec<(String, Resource)> =
            runtime.block_on(memory.query(&query)).unwrap().resources.iter().map(|stored| (stored.id.clone(), common(stored))).collect();
        for filter in &filters {
            let expected: Vec<&str> =
                searchable.iter().filter(|(_, resource)| filter.matches(resource)).map(|(id, _)| id.as_str()).collect();
            query.filter = Some(filter.clone());
            for database in &databases {
                let found = runtime.block_on(database.query(&query)).unwrap();
                let ids: Vec<&str> = found.resources.iter().map(|stored| stored.id.as_str()).collect();
                prop_assert_eq!(&ids, &expected, "{:?}: {:?}", database, filter);
                prop_assert_eq!(found.total, expected.len() as u64);
                pairs.set(pairs.get() + searchable.len());
            }
        }
        for ((text, is_descending, offset, count), filter) in sorts.into_iter().zip(&filters) {
            let order = if is_descending { SortOrder::Descending } else { SortOrder::Ascending };
            let mut query = Query::new(tenant.clone(), "Thing".to_owned(), count);
            query.sort = Some(Sort::new(sort_path(text), order));
            for filter in [None, Some(filter.clone())] {
                (query.filter, query.after, query.offset) = (filter, None, offset);
                for _ in 0..6 {
                    let expected = runtime.block_on(memory.query(&query)).unwrap();
                    for database in &databases {
                        let found = runtime.block_on(database.query(&query)).unwrap();
                        prop_assert_eq!(&found, &expected, "{:?}: {:?}", database, query);
                    }
                    let Some(next) = expected.next else { break };
                    (query.after, query.offset) = (Some(next), 0);
                }
            }
        }
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
    assert!(pairs.get() >= wanted * databases.len(), "{} pairs", pairs.get());
    println!("{} pairs of a filter and a resource in {} databases", pairs.get(), databases.len());
}

fn sort_path(text: &str) -> scimkit_filter::ResolvedPath {
    let catalog = catalog();
    scimkit_filter::resolve_path(&path(text, false), &catalog, catalog.resource_type("Thing").unwrap()).unwrap().0
}

/// What a filter is evaluated on.
fn common(stored: &scimkit_store::StoredResource) -> Resource {
    let mut document = stored.document.clone();
    let meta = [
        ("resourceType", "Thing".to_owned()),
        ("created", stored.created_at.to_string()),
        ("lastModified", stored.modified_at.to_string()),
    ];
    document.insert("id", stored.id.as_str());
    document.insert("meta", meta.into_iter().collect::<ComplexValue>());
    document
}
