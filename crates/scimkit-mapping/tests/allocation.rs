//! How often evaluation asks for memory. A binary of its own, since it counts for the whole process.

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use scimkit_mapping::{AttributeMapping, Environment, MappingSet, ObjectMapping, Operation, SourceRecord};
    use scimkit_types::{Catalog, schema};
    use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

    #[global_allocator]
    static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

    fn set(targets: &[&str]) -> MappingSet {
        let mut mapping = ObjectMapping::new("User", schema::USER);
        mapping.attribute_mappings = targets.iter().map(|target| AttributeMapping::new(*target, format!("[{target}]"))).collect();
        let catalog = Catalog::standard();
        MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap()
    }

    /// The allocations of one evaluation, those that make a list longer counted.
    fn allocations(set: &MappingSet, record: &SourceRecord, operation: Operation) -> usize {
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        let region = Region::new(ALLOCATOR);
        let desired = set.evaluate(record, &environment, operation).unwrap();
        let change = region.change();
        drop(desired);
        change.allocations + change.reallocations
    }

    #[test]
    fn a_direct_mapping_of_text_allocates_its_value_and_nothing_else() {
        const TARGETS: [&str; 8] = ["userName", "displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"];
        let mut record = SourceRecord::new("u1", "User");
        for target in TARGETS {
            record.attributes.insert(target, "a text that is too long to stand anywhere but in memory of its own");
        }
        for operation in [Operation::Create, Operation::Update] {
            let counts: Vec<usize> = (1..=TARGETS.len()).map(|count| allocations(&set(&TARGETS[..count]), &record, operation)).collect();
            let steps: Vec<usize> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
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
