//! How often evaluation asks for memory, counted for the thread that evaluates. A binary of its own, for the allocator that counts.

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use scimkit_mapping::{AttributeMapping, Environment, MappingSet, ObjectMapping, Operation, SourceRecord};
    use scimkit_types::{Catalog, schema};

    fn set(targets: &[&str]) -> MappingSet {
        let mut mapping = ObjectMapping::new("User", schema::USER);
        mapping.attribute_mappings = targets.iter().map(|target| AttributeMapping::new(*target, format!("[{target}]"))).collect();
        let catalog = Catalog::standard();
        MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap()
    }

    /// The allocations of one evaluation, those that make a list longer counted.
    fn allocations(set: &MappingSet, record: &SourceRecord, operation: Operation) -> u64 {
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        let mut desired = None;
        let counted = measure(|| desired = Some(set.evaluate(record, &environment, operation).unwrap()));
        drop(desired);
        counted.count_total
    }

    #[test]
    fn a_direct_mapping_of_text_allocates_its_value_and_nothing_else() {
        const TARGETS: [&str; 8] = ["userName", "displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"];
        let mut record = SourceRecord::new("u1", "User");
        for target in TARGETS {
            record.attributes.insert(target, "a text that is too long to stand anywhere but in memory of its own");
        }
        for operation in [Operation::Create, Operation::Update] {
            let counts: Vec<u64> = (1..=TARGETS.len()).map(|count| allocations(&set(&TARGETS[..count]), &record, operation)).collect();
            let steps: Vec<u64> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(steps, [1; 7]);
        }
    }

    #[test]
    fn nothing_is_allocated_for_what_does_not_flow() {
        let mut record = SourceRecord::new("u1", "User");
        record.attributes.insert("userName", "kari");
        let (one, more) = (set(&["userName"]), set(&["userName", "displayName", "nickName", "title"]));
        assert!(allocations(&one, &record, Operation::Update) > 0);
        assert_eq!(allocations(&one, &record, Operation::Update), allocations(&more, &record, Operation::Update));
    }
}
