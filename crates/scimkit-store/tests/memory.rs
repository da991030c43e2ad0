//! How much memory the store in memory takes for its users, against their compact JSON. A binary of its own, for the allocator that counts.

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use scimkit_store::{MemoryResources, NewResource, ResourceKey, ResourceStore, Tenant, UniqueKey};
    use scimkit_types::{Resource, Timestamp};

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

    /// The bytes that a store asks for, in all and at most, and those of the compact JSON of its users.
    fn taken(users: u64, user: fn(u64) -> Resource) -> (u64, u64, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let documents: Vec<Resource> = (0..users).map(user).collect();
        let json = documents.iter().map(|document| serde_json::to_string(document).unwrap().len() as u64).sum();
        let mut store = None;
        let mut documents = documents.iter();
        let counted = measure(|| {
            let filled = MemoryResources::new();
            for (n, document) in (0..).zip(documents.by_ref()) {
                let key = ResourceKey::new(Tenant::default(), "User", format!("2819c223-7f76-453a-919d-{n:012}"));
                let mut new = NewResource::new(key, document.clone(), Timestamp::from_millisecond(n).unwrap());
                new.unique = vec![UniqueKey::new("userName", document.get("userName").unwrap().as_str().unwrap())];
                runtime.block_on(filled.create(new)).unwrap();
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
}
