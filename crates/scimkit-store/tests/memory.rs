//! How much memory the store in memory takes for its users, against their compact JSON. A binary of its own, for the allocator that counts.

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use scimkit_filter::Filter;
    use scimkit_store::{MemoryResources, NewResource, Query, ResourceKey, ResourceStore, Selection, Tenant, UniqueKey, Update};
    use scimkit_types::{Catalog, Change, ComplexValue, Dialect, Resource, Timestamp};
    use tokio::runtime::Runtime;

    /// A user as a directory provisions it.
    fn user(n: u64) -> Resource {
        let document = format!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"given{n}.family{n}@example.com","externalId":"7f3c21aa-0000-4000-8000-{n:012}","displayName":"Given{n} Family{n}","active":true,"title":"Tour guide","preferredLanguage":"nb-NO","name":{{"givenName":"Given{n}","familyName":"Family{n}","formatted":"Given{n} Family{n}"}},"emails":[{{"value":"given{n}.family{n}@example.com","type":"work","primary":true}},{{"value":"given{n}@home.example.org","type":"home"}}],"phoneNumbers":[{{"value":"+47 555 {n:06}","type":"work"}}],"addresses":[{{"type":"work","streetAddress":"Storgata {n}","locality":"Oslo","postalCode":"0155","country":"NO"}}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"employeeNumber":"{n}","department":"Tour Operations","manager":{{"value":"26118915-6090-4610-87e4-{n:012}"}}}}}}"#
        );
        serde_json::from_str(&document).unwrap()
    }

    /// A user with hardly more than a name, of whom the indexes are the larger part.
    fn small_user(n: u64) -> Resource {
        let document = format!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user{n}@example.com","externalId":"e{n}","displayName":"User {n}","title":"Guide","active":true,"name":{{"givenName":"User","familyName":"Number {n}"}},"emails":[{{"type":"work","value":"user{n}@example.com","primary":true}},{{"type":"home","value":"home{n}@example.org"}}],"phoneNumbers":[{{"type":"work","value":"tel:+4722{n:06}"}}]}}"#
        );
        serde_json::from_str(&document).unwrap()
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    fn key(resource_type: &str, id: String) -> ResourceKey {
        ResourceKey::new(Tenant::default(), resource_type, id)
    }

    fn new_user(n: i64, document: &Resource) -> NewResource {
        let key = key("User", format!("2819c223-7f76-453a-919d-{n:012}"));
        let mut new = NewResource::new(key, document.clone(), Timestamp::from_millisecond(n).unwrap());
        new.unique = vec![UniqueKey::new("userName", document.get("userName").unwrap().as_str().unwrap())];
        new
    }

    /// The bytes that a store asks for, in all and at most, and those of the compact JSON of its users.
    fn taken(users: u64, user: fn(u64) -> Resource) -> (u64, u64, u64) {
        let runtime = runtime();
        let documents: Vec<Resource> = (0..users).map(user).collect();
        let json = documents.iter().map(|document| serde_json::to_string(document).unwrap().len() as u64).sum();
        let mut store = None;
        let mut documents = documents.iter();
        let counted = measure(|| {
            let filled = MemoryResources::new();
            for (n, document) in (0..).zip(documents.by_ref()) {
                runtime.block_on(filled.create(new_user(n, document))).unwrap();
            }
            store = Some(filled);
        });
        drop(store);
        (counted.bytes_current.try_into().unwrap(), counted.bytes_max, json)
    }

    /// `SCIMKIT_MEMORY_USERS` lists other numbers of users, such as `1000000`.
    #[test]
    fn users_take_at_most_three_times_the_memory_of_their_json() {
        let sizes = std::env::var("SCIMKIT_MEMORY_USERS").unwrap_or_else(|_| "1000,10000".to_owned());
        for users in sizes.split(',').map(|size| size.trim().parse().unwrap()) {
            for (kind, user) in [("usual", user as fn(u64) -> Resource), ("small", small_user)] {
                let (bytes, most, json) = taken(users, user);
                println!(
                    "{users} {kind} users: {} bytes of JSON each, {} bytes of memory each: {:.2} times, {:.2} at most while the store grew",
                    json / users,
                    bytes / users,
                    bytes as f64 / json as f64,
                    most as f64 / json as f64
                );
                assert!(bytes <= 3 * json, "{users} {kind} users: {bytes} bytes of memory for {json} of JSON");
            }
        }
    }

    /// What is asked for by `eq` on an indexed attribute, and a page anywhere, is found among many users as among few: nothing is looked
    /// at that is not an answer.
    #[test]
    fn what_an_index_answers_costs_the_same_among_more_users() {
        let runtime = runtime();
        let catalog = Catalog::standard();
        let filters = [
            r#"userName eq "USER777@example.com""#,
            r#"externalId eq "e777""#,
            r#"displayName eq "user 777""#,
            r#"emails.value eq "home777@example.org""#,
            r#"emails[type eq "work" and value eq "user777@example.com"]"#,
            r#"id eq "2819c223-7f76-453a-919d-000000000777""#,
            r#"title eq "guide" and userName eq "user777@example.com""#,
            r#"phoneNumbers.value eq "tel:+4722000777""#,
        ];
        let resolve = |filter| {
            let user = catalog.resource_type("User").unwrap();
            Filter::parse(filter).unwrap().resolve(&catalog, user, Dialect::STRICT).unwrap()
        };
        let costs = [1_000, 8_000].map(|users| {
            let store = MemoryResources::new().with_matching_attributes(["phoneNumbers.value"]);
            for n in 0..users {
                runtime.block_on(store.create(new_user(n, &small_user(n.unsigned_abs())))).unwrap();
            }
            let mut queries: Vec<Query> = Vec::new();
            for filter in filters {
                let mut query = Query::new(Tenant::default(), "User".to_owned(), 10);
                query.filter = Some(resolve(filter));
                queries.push(query);
            }
            let mut by_index = Query::new(Tenant::default(), "User".to_owned(), 10);
            by_index.offset = users.unsigned_abs() * 9 / 10;
            let mut by_position = Query::new(Tenant::default(), "User".to_owned(), 10);
            by_position.after = runtime.block_on(store.query(&by_index)).unwrap().next;
            assert!(by_position.after.is_some());
            queries.extend([by_index, by_position]);
            let cost = |query: &Query| {
                let mut found = 0;
                let counted = measure(|| found = runtime.block_on(store.query(query)).unwrap().resources.len());
                assert_eq!(found, if query.filter.is_some() { 1 } else { 10 }, "{query:?}");
                counted.bytes_total
            };
            queries.iter().map(cost).collect::<Vec<_>>()
        });
        for (few, many) in costs[0].iter().zip(&costs[1]) {
            assert!(*many <= few + few / 4, "{costs:?}");
        }
    }

    /// R7644-3.5.2-07: a member of a group of 20,000 is removed and added at the cost of one of 20, and the group is read without them.
    #[test]
    fn the_cost_of_a_member_does_not_depend_on_the_size_of_the_group() {
        let runtime = runtime();
        let store = MemoryResources::new();
        let member = |n: u32| ComplexValue::from_iter([("value", format!("u{n:05}"))]);
        let costs = [20, 20_000].map(|size| {
            let members: Vec<scimkit_types::Value> = (0..size).map(|n| member(n).into()).collect();
            let mut group = NewResource::new(key("Group", size.to_string()), Resource::default(), Timestamp::UNIX_EPOCH);
            group.document.insert("members", members);
            group.member_attributes = vec!["members".to_owned()];
            runtime.block_on(store.create(group)).unwrap();
            let attribute = || "members".to_owned();
            let remove = Change::RemoveMember { attribute: attribute(), value: "u00007".to_owned() };
            let add = Change::AddMember { attribute: attribute(), member: member(7).into() };
            [remove, add].map(|change| {
                let mut update = Update::new(key("Group", size.to_string()), Timestamp::UNIX_EPOCH);
                update.members = vec![change];
                let counted = measure(|| {
                    let changed = runtime.block_on(store.update(update)).unwrap().unwrap();
                    assert!(changed.revision.0 > 1);
                    runtime.block_on(store.get(&key("Group", size.to_string()), Selection::WithoutMembers)).unwrap().unwrap();
                });
                counted.bytes_total
            })
        });
        for (small, large) in costs[0].iter().zip(&costs[1]) {
            // A node of a tree, and three more digits of an id, may come on top.
            assert!(*large <= small + 2_000, "{costs:?}");
        }
    }
}
