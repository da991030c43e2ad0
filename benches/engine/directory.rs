//! A directory of any size that is computed when it is read, and a service that has half of it.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use scimkit::filter::Filter;
use scimkit::provisioning::{
    AppRole, Assignment, AssignmentPage, Position, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
    Target, TargetError, TargetErrorKind, TargetPage,
};
use scimkit::types::{ComplexValue, PatchOperation, Resource, Timestamp, Value};

/// How many changes a page of the directory has.
const SOURCE_PAGE: u64 = 500;
/// How many resources a page of the service has.
pub const TARGET_PAGE: u64 = 100;
/// Where the second round begins.
const SECOND: &str = "second:";
/// The role of those who are assigned.
const ROLE: &str = "18d14569-c3bd-439b-9a66-3a2aee01d14f";
/// Where no round follows.
const END: &str = "end";

/// Users that are computed from their numbers. A second round, if there is one, tells that some of them, spread over all, have other titles.
/// Everybody is assigned, but for one after the first round.
#[derive(Debug)]
pub struct Directory {
    pub users: u64,
    /// How many users change after the first round; `None` if that has not come yet.
    pub changes: Option<u64>,
    /// Whether anybody is assigned.
    pub assigns: bool,
}

/// Bits that look random, and are others for every number.
fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn user_id(number: u64) -> String {
    let bits = scatter(number);
    let (a, b, c) = (bits >> 32, (bits >> 16) & 0xffff, bits & 0xffff);
    format!("{a:08x}-{b:04x}-4{:03x}-8{:03x}-{number:012x}", c >> 4, c & 0xfff)
}

fn pick<'a>(number: u64, salt: u64, from: &[&'a str]) -> &'a str {
    let index = usize::try_from(scatter(number ^ (salt << 40)) % from.len() as u64).unwrap_or_default();
    from[index]
}

const GIVEN: [&str; 8] = ["Kari", "Ola", "Ingrid", "Per", "Sigrid", "Håkon", "Åse", "Magnus"];
const FAMILY: [&str; 8] = ["Nordmann", "Hansen", "Johansen", "Olsen", "Larsen", "Ødegård", "Berg", "Solheim"];
const TITLES: [&str; 4] = ["Engineer", "Account manager", "Support agent", "Head of department"];
const CITIES: [&str; 4] = ["Oslo", "Bergen", "Trondheim", "Tromsø"];

fn mail(number: u64) -> String {
    format!("user{:x}.{number}@example.com", scatter(number) >> 44)
}

fn attributes(number: u64) -> ComplexValue {
    let mut attributes = ComplexValue::new();
    let mut set = |name: &str, value: Value| attributes.insert(name, value);
    set("accountEnabled", true.into());
    set("objectId", user_id(number).into());
    set("userPrincipalName", mail(number).into());
    set("mail", mail(number).into());
    set("employeeId", format!("E{number:07}").into());
    set("displayName", format!("{} {}", pick(number, 1, &GIVEN), pick(number, 2, &FAMILY)).into());
    set("givenName", pick(number, 1, &GIVEN).into());
    set("surname", pick(number, 2, &FAMILY).into());
    set("jobTitle", pick(number, 3, &TITLES).into());
    set("department", format!("Department {}", scatter(number) % 40).into());
    set("country", "NO".into());
    set("state", pick(number, 4, &CITIES).into());
    set("city", pick(number, 4, &CITIES).into());
    set("postalCode", format!("{:04}", scatter(number) % 10_000).into());
    set("streetAddress", format!("Storgata {}", scatter(number) % 200).into());
    set("mobile", format!("+47 9{:07}", scatter(number) % 10_000_000).into());
    attributes
}

impl Directory {
    fn first_round(&self, from: u64) -> SourcePage {
        let to = self.users.min(from + SOURCE_PAGE);
        let present = |number| SourceChangeKind::Present { attributes: attributes(number), references: Vec::new() };
        let changes = (from..to).map(|number| SourceChange::new(user_id(number), present(number))).collect();
        if to == self.users {
            return SourcePage::new(changes, Position::new(format!("{SECOND}0")), true);
        }
        SourcePage::new(changes, Position::new(to.to_string()), false)
    }

    fn second_round(&self, from: u64) -> SourcePage {
        let Some(changes) = self.changes else {
            return SourcePage::new(Vec::new(), Position::new(format!("{SECOND}0")), true);
        };
        let to = changes.min(from + SOURCE_PAGE);
        let present = |index: u64| {
            let mut attributes = ComplexValue::new();
            attributes.insert("jobTitle", format!("Changed {index}"));
            SourceChangeKind::Present { attributes, references: Vec::new() }
        };
        let told = (from..to).map(|index| SourceChange::new(user_id(index * self.users / changes), present(index))).collect();
        if to == changes {
            return SourcePage::new(told, Position::new(END), true);
        }
        SourcePage::new(told, Position::new(format!("{SECOND}{to}")), false)
    }
}

fn number(text: &str) -> Result<u64, SourceError> {
    text.parse().map_err(|_| SourceError::new(SourceErrorKind::Invalid, "the position is not one of this directory"))
}

#[async_trait]
impl Source for Directory {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned()]
    }

    async fn read(&self, _: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        let position = position.map_or("0", Position::as_str);
        if position == END {
            return Ok(SourcePage::new(Vec::new(), Position::new(END), true));
        }
        match position.strip_prefix(SECOND) {
            Some(rest) => Ok(self.second_round(number(rest)?)),
            None => Ok(self.first_round(number(position)?)),
        }
    }

    async fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        if !self.assigns {
            return Ok(AssignmentPage::default());
        }
        let from = after.map_or(Ok(0), |position| number(position.as_str()))?;
        let to = self.users.min(from + SOURCE_PAGE);
        // The last one loses the assignment.
        let assigned = to.min(self.users.saturating_sub(u64::from(self.changes.is_some())));
        let assignments = (from..assigned).map(|number| Assignment::new(user_id(number), "User", ROLE)).collect();
        Ok(AssignmentPage::new(assignments, (to < self.users).then(|| Position::new(to.to_string()))))
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        Ok(Vec::new())
    }
}

/// A service that accepts everything at once and keeps nothing. Every second user is there before, some with another title.
#[derive(Debug, Default)]
pub struct NullTarget {
    pub users: u64,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
}

impl NullTarget {
    fn present(&self) -> u64 {
        self.users / 2
    }
}

/// The user that the service has at a place of its list. Made without JSON, since reading an answer is no work of the engine.
pub fn listed(place: u64) -> Resource {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let number = place * 2;
    let title = if place.is_multiple_of(4) { "Another title" } else { pick(number, 3, &TITLES) };
    let complex = |members: &[(&'static str, &str)]| {
        Value::Complex(ComplexValue::from_distinct(members.iter().map(|(name, text)| ((*name).into(), Value::from(*text))).collect()))
    };
    let mail = mail(number);
    let instant = "2026-01-01T00:00:00Z";
    let members: Vec<(&str, Value)> = vec![
        ("schemas", Value::List(vec!["urn:ietf:params:scim:schemas:core:2.0:User".into(), ENTERPRISE.into()])),
        ("id", number.to_string().into()),
        ("externalId", user_id(number).into()),
        ("userName", mail.as_str().into()),
        ("active", true.into()),
        ("title", title.into()),
        ("name", complex(&[("givenName", pick(number, 1, &GIVEN)), ("familyName", pick(number, 2, &FAMILY))])),
        ("emails", Value::List(vec![complex(&[("type", "work"), ("value", &mail)])])),
        ("meta", complex(&[("resourceType", "User"), ("created", instant), ("lastModified", instant)])),
        (ENTERPRISE, complex(&[("department", &format!("Department {}", scatter(number) % 40))])),
    ];
    Resource::from(ComplexValue::from_distinct(members.into_iter().map(|(name, value)| (name.into(), value)).collect()))
}

#[async_trait]
impl Target for NullTarget {
    async fn find(&self, _: &str, _: &Filter, _: Timestamp) -> Result<Vec<Resource>, TargetError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(Vec::new())
    }

    async fn list(&self, _: &str, start_index: u64, _: Timestamp) -> Result<TargetPage, TargetError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let from = start_index.saturating_sub(1);
        let to = self.present().min(from + TARGET_PAGE);
        Ok(TargetPage::new(self.present(), (from..to).map(listed).collect()))
    }

    async fn get(&self, _: &str, _: &str, _: Timestamp) -> Result<Resource, TargetError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Err(TargetError::new(TargetErrorKind::Gone, "this service keeps nothing"))
    }

    async fn create(&self, _: &str, resource: &Resource, _: Timestamp) -> Result<Resource, TargetError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut created = resource.clone();
        created.insert("id", format!("new-{}", resource.external_id().unwrap_or_default()));
        Ok(created)
    }

    async fn patch(&self, _: &str, _: &str, _: &[PatchOperation], _: Timestamp) -> Result<(), TargetError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn delete(&self, _: &str, _: &str, _: Timestamp) -> Result<(), TargetError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
