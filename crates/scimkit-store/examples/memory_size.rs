//! How much memory the store in memory takes for its users, against their compact JSON: `memory_size [USERS]`, 100,000 unless told.
#![expect(clippy::print_stdout, reason = "an example tells what it measured")]

use scimkit_store::{MemoryResources, NewResource, ResourceKey, ResourceStore, Tenant, UniqueKey};
use scimkit_types::{Resource, Timestamp};

/// A user as a directory provisions it.
fn user(n: u64) -> Result<Resource, serde_json::Error> {
    serde_json::from_str(&format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"given{n}.family{n}@example.com","externalId":"7f3c21aa-0000-4000-8000-{n:012}","displayName":"Given{n} Family{n}","active":true,"title":"Tour guide","preferredLanguage":"nb-NO","name":{{"givenName":"Given{n}","familyName":"Family{n}","formatted":"Given{n} Family{n}"}},"emails":[{{"value":"given{n}.family{n}@example.com","type":"work","primary":true}},{{"value":"given{n}@home.example.org","type":"home"}}],"phoneNumbers":[{{"value":"+47 555 {n:06}","type":"work"}}],"addresses":[{{"type":"work","streetAddress":"Storgata {n}","locality":"Oslo","postalCode":"0155","country":"NO"}}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"employeeNumber":"{n}","department":"Tour Operations","manager":{{"value":"26118915-6090-4610-87e4-{n:012}"}}}}}}"#
    ))
}

/// The memory that the process holds, in bytes.
fn resident() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("expected a line `VmRSS`, found none")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let users: u64 = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let store = MemoryResources::new();
    let before = resident()?;
    let mut json = 0;
    for n in 0..users {
        let document = user(n)?;
        json += serde_json::to_string(&document)?.len() as u64;
        let key = ResourceKey::new(Tenant::default(), "User", format!("2819c223-7f76-453a-919d-{n:012}"));
        let mut new = NewResource::new(key, document, Timestamp::from_millisecond(i64::try_from(n)?)?);
        new.unique = vec![UniqueKey::new("userName", format!("given{n}.family{n}@example.com"))];
        store.create(new).await?;
    }
    let taken = resident()?.saturating_sub(before);
    let times = taken * 100 / json.max(1);
    println!(
        "{users} users: {} bytes of JSON each, {} bytes of memory each: {}.{:02} times",
        json / users,
        taken / users,
        times / 100,
        times % 100
    );
    Ok(())
}
