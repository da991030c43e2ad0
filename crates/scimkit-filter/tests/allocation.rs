//! How often evaluation asks for memory: never. A binary of its own, for the allocator that counts.

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use scimkit_filter::{Filter, ParseOptions, ResolvedFilter};
    use scimkit_types::{Attribute, AttributeType, Catalog, Dialect, Resource, ResourceType, Schema};

    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    const ORDERS: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];

    /// Texts of which each is compared with each: short and long, ASCII and not, composed and decomposed, of every width and case.
    fn texts() -> Vec<String> {
        let long = "a text that is far too long to stand in a place of its own, and is looked for at its end";
        let mut texts: Vec<String> = [
            "",
            "a",
            "BJensen@Example.com",
            "bjensen",
            long,
            "straße",
            "STRASSE",
            "Åsa Ærlig-Øygård",
            "A\u{30a}sa",
            "ΟΔΥΣΣΕΥΣ",
            "ὈΔΥΣΣΕΎΣ'",
            "İstanbul",
            "ﬁsh",
            "Ｆｉｓｈ",
            "ｶﾞﾘ",
            "山田太郎",
            "가나다",
            "😀",
            "e\u{301}\u{323}\u{302}",
            "2011-05-13T04:42:34Z",
        ]
        .map(str::to_owned)
        .to_vec();
        texts.extend([long.to_uppercase(), format!("{long} Å"), "Σ".repeat(100), "aΣ'".repeat(30), "é".repeat(200)]);
        texts
    }

    /// The standard catalog with numbers of both kinds.
    fn catalog() -> Catalog {
        let standard = Catalog::standard();
        let attribute = |name: &str, type_| Attribute::new(name.parse().unwrap(), type_);
        let mut ranks = attribute("ranks", AttributeType::Integer);
        ranks.is_multi_valued = true;
        let mut exact = attribute("exact", AttributeType::String);
        exact.case_exact = true;
        let mut schemas = standard.schemas().to_vec();
        let attributes = vec![ranks, exact, attribute("weight", AttributeType::Decimal), attribute("since", AttributeType::DateTime)];
        schemas.push(Schema::new("urn:example:Thing".parse().unwrap(), attributes));
        let mut types = standard.resource_types().to_vec();
        types.push(ResourceType::new("Thing", "/Things", "urn:example:Thing".parse().unwrap()));
        Catalog::new(schemas, types).unwrap()
    }

    fn resolve(catalog: &Catalog, resource_type: &str, filter: &str) -> ResolvedFilter {
        let options = ParseOptions::default().with_catalog(catalog).with_dialect(Dialect::LENIENT);
        let filter = Filter::parse_with(filter, &options).unwrap();
        filter.resolve(catalog, catalog.resource_type(resource_type).unwrap(), Dialect::LENIENT).unwrap()
    }

    fn resource(document: &serde_json::Value) -> Resource {
        serde_json::from_value(document.clone()).unwrap()
    }

    /// Evaluates every filter on every resource and returns how often memory was asked for, and how many matched.
    fn run(filters: &[ResolvedFilter], resources: &[Resource]) -> (u64, usize) {
        let mut matches = 0;
        let counted = measure(|| {
            for filter in filters {
                matches += resources.iter().filter(|resource| filter.matches(resource)).count();
            }
        });
        (counted.count_total, matches)
    }

    #[test]
    fn evaluation_allocates_nothing() {
        let catalog = catalog();
        let texts = texts();
        let literals: Vec<String> = texts.iter().map(|text| serde_json::to_string(text).unwrap()).collect();

        // What is counted is seen.
        assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8; 100]))).count_total, 1);

        // Text: caseless, case exact, references, names of users, in lists and in extensions.
        let people: Vec<Resource> = texts
            .iter()
            .map(|text| {
                resource(&serde_json::json!({
                    "schemas": [USER, ENTERPRISE], "id": text, "userName": text, "displayName": text, "profileUrl": text, "active": true,
                    "emails": [{"value": "first@example.com", "type": "work"}, {"value": text, "primary": true}, text],
                    "meta": {"created": text, "resourceType": "User"},
                    (ENTERPRISE): {"department": text, "manager": {"$ref": text, "value": text}},
                }))
            })
            .collect();
        let department = format!("{ENTERPRISE}:department");
        let manager = format!("{ENTERPRISE}:manager.$ref");
        for path in ["id", "userName", "displayName", "profileUrl", "emails", "emails.value", "meta.created", &department, &manager] {
            for operator in OPERATORS {
                // Dates and times are looked for as text by these only.
                let is_text = path != "meta.created" || ["co", "sw", "ew"].contains(&operator);
                let literals = if is_text { &literals[..] } else { &literals[19..20] };
                let filters: Vec<_> =
                    literals.iter().map(|literal| resolve(&catalog, "User", &format!("{path} {operator} {literal}"))).collect();
                let (allocations, matches) = run(&filters, &people);
                assert_eq!(allocations, 0, "{path} {operator}");
                assert!(matches > 0 || path == "meta.created", "{path} {operator}");
            }
        }

        // Dates and times, and text that is close to one.
        let instants = [
            "2011-05-13T04:42:34Z",
            "2011-05-13T06:42:34.5+02:00",
            "2011-05-13T04:42:34",
            "2011-13-13T00:00:00Z",
            "2011-02-29T00:00:00Z",
            "2011-05-13T04:42:34+99:00",
            "9999-12-31T23:59:59Z",
            "soonThen",
            "a+T-b",
            "2011-05-13T",
            "T",
            "2011-05-13T04:42:34[Europe/Oslo]",
        ];
        let numbers =
            ["0", "-1", "9007199254740993", "1.10", "1.1000000000000000000000000000001", "1e300", "123456789012345678901234567890"];
        let things: Vec<Resource> = (instants.iter())
            .flat_map(|instant| numbers.iter().map(move |number| (instant, number)))
            .map(|(instant, number)| {
                let text = format!(r#"{{"since": "{instant}", "weight": {number}, "ranks": [1, {number}, null, "text"], "exact": "Å"}}"#);
                serde_json::from_str(&text).unwrap()
            })
            .collect();
        for operator in ORDERS {
            let instants = instants[..3].iter().map(|instant| format!("since {operator} \"{instant}\""));
            let numbers = numbers.iter().flat_map(|number| ["weight", "ranks"].map(|path| format!("{path} {operator} {number}")));
            let filters: Vec<_> = instants.chain(numbers).map(|filter| resolve(&catalog, "Thing", &filter)).collect();
            let (allocations, matches) = run(&filters, &things);
            assert_eq!(allocations, 0, "{operator}");
            assert!(matches > 0, "{operator}");
        }

        // Everything else of the language.
        let others = [
            "title pr",
            "emails pr",
            "emails.primary pr",
            "name pr",
            "active eq true",
            "active ne false",
            "title eq null",
            "emails ne null",
            "emails.primary eq false",
            "emails.primary ne true",
            "emails[primary eq false]",
            "unknown eq \"x\"",
            "schemas eq \"urn:x\"",
            r#"not (userName sw "ΟΔ") and (displayName co "SS" or active eq false) or title pr"#,
            r#"emails[type eq "work" and value ew "@EXAMPLE.com" and not (primary eq true)]"#,
            r#"emails[type eq "work"].value co "Å""#,
            r#"emails[value co "ß" or value gt "山"]"#,
        ];
        let filters: Vec<_> = others.iter().map(|filter| resolve(&catalog, "User", filter)).collect();
        let (allocations, matches) = run(&filters, &people);
        assert_eq!(allocations, 0);
        assert!(matches > filters.len());
    }
}
