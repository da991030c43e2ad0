//! The pages that Microsoft Graph answers, as changes.

use scimkit_provisioning::{AppRole, Assignment, ReferenceChange, SourceChange, SourceChangeKind};
use scimkit_types::{ComplexValue, Value};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess};

use super::json::{self, List, Members, Object, Text, kind, once, required, unexpected};

/// Some elements and where to go on.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) values: Vec<T>,
    pub(super) next_link: Option<String>,
    pub(super) delta_link: Option<String>,
}

/// Reads a page of changes of at most so many objects.
pub(super) fn changes(text: &[u8], most: usize) -> Result<Page<SourceChange>, String> {
    json::read(text, PageSeed { element: ChangeSeed, most })
}

/// Reads a page of assignments of at most so many; `None` stands for one of something that is neither a user nor a group.
pub(super) fn assignments(text: &[u8], most: usize) -> Result<Page<Option<Assignment>>, String> {
    json::read(text, PageSeed { element: AssignmentSeed, most })
}

/// Reads the roles of a service principal.
pub(super) fn app_roles(text: &[u8]) -> Result<Vec<AppRole>, String> {
    json::read(text, Object(RolesMembers { roles: None }))
}

struct PageSeed<S> {
    element: S,
    most: usize,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for PageSeed<S> {
    type Value = Page<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let list = List { element: self.element, most: self.most };
        Object(PageMembers { list, values: None, next_link: None, delta_link: None }).deserialize(deserializer)
    }
}

struct PageMembers<S, T> {
    list: List<S>,
    values: Option<Vec<T>>,
    next_link: Option<Text>,
    delta_link: Option<Text>,
}

impl<'de, S: DeserializeSeed<'de> + Copy> Members<'de> for PageMembers<S, S::Value> {
    type Value = Page<S::Value>;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "value" => once(&mut self.values, name, members.next_value_seed(self.list)?),
            "@odata.nextLink" => once(&mut self.next_link, name, members.next_value()?),
            "@odata.deltaLink" => once(&mut self.delta_link, name, members.next_value()?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<Self::Value, E> {
        let text = |link: Option<Text>| link.map(|text| text.0);
        let values = required(self.values, "value")?;
        Ok(Page { values, next_link: text(self.next_link), delta_link: text(self.delta_link) })
    }
}

/// A user or group of a delta page.
#[derive(Clone, Copy)]
struct ChangeSeed;

impl<'de> DeserializeSeed<'de> for ChangeSeed {
    type Value = SourceChange;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Object(ChangeMembers::default()).deserialize(deserializer)
    }
}

#[derive(Default)]
struct ChangeMembers {
    id: Option<Text>,
    removed: Option<Reason>,
    attributes: ComplexValue,
    references: Vec<ReferenceChange>,
}

/// Members of one entry of a group. A page's bytes are bounded, this only keeps the type of limits uniform.
const MOST_REFERENCES: usize = 1_000_000;

impl<'de> Members<'de> for ChangeMembers {
    type Value = SourceChange;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        if name == "id" {
            return once(&mut self.id, name, members.next_value()?);
        }
        if name == "@removed" {
            return once(&mut self.removed, name, members.next_value_seed(Object(ReasonMembers { reason: None }))?);
        }
        if let Some(attribute) = name.strip_suffix("@delta") {
            let list = List { element: ReferenceSeed { attribute }, most: MOST_REFERENCES };
            self.references.extend(members.next_value_seed(list)?);
            return Ok(());
        }
        if name.contains('@') {
            return members.next_value::<IgnoredAny>().map(|_| ());
        }
        let value = members.next_value_seed(Property { name })?;
        match self.attributes.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(de::Error::custom(format_args!("expected the member `{name}` once, found it twice"))),
        }
    }

    fn end<E: de::Error>(self) -> Result<SourceChange, E> {
        let id = required(self.id, "id")?.0;
        let kind = match self.removed {
            Some(Reason::Changed) => SourceChangeKind::SoftDeleted,
            Some(Reason::Deleted) => SourceChangeKind::Deleted,
            None => SourceChangeKind::Present { attributes: self.attributes, references: self.references },
        };
        Ok(SourceChange::new(id, kind))
    }
}

/// Why an object is no longer there.
enum Reason {
    Changed,
    Deleted,
}

struct ReasonMembers {
    reason: Option<Reason>,
}

impl<'de> Members<'de> for ReasonMembers {
    type Value = Reason;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "reason" => once(&mut self.reason, name, members.next_value()?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<Reason, E> {
        required(self.reason, "reason")
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer)?.0.as_str() {
            "changed" => Ok(Self::Changed),
            "deleted" => Ok(Self::Deleted),
            _ => Err(unexpected("`changed` or `deleted`", "another text")),
        }
    }
}

/// An element of `manager@delta` or `members@delta`.
#[derive(Clone, Copy)]
struct ReferenceSeed<'a> {
    attribute: &'a str,
}

impl<'de> DeserializeSeed<'de> for ReferenceSeed<'_> {
    type Value = ReferenceChange;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let (id, is_removed) = Object(ReferenceMembers { id: None, removed: None }).deserialize(deserializer)?;
        Ok(ReferenceChange::new(self.attribute, id, is_removed))
    }
}

struct ReferenceMembers {
    id: Option<Text>,
    removed: Option<Reason>,
}

impl<'de> Members<'de> for ReferenceMembers {
    type Value = (String, bool);

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "id" => once(&mut self.id, name, members.next_value()?),
            "@removed" => once(&mut self.removed, name, members.next_value_seed(Object(ReasonMembers { reason: None }))?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<(String, bool), E> {
        Ok((required(self.id, "id")?.0, self.removed.is_some()))
    }
}

/// A property of a user or group, whose kind is checked if it is known.
struct Property<'a> {
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Property<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.name {
            "accountEnabled" | "securityEnabled" | "mailEnabled" => Kind::Boolean.deserialize(deserializer),
            "businessPhones" | "groupTypes" | "proxyAddresses" | "otherMails" => Kind::List.deserialize(deserializer),
            "userPrincipalName" | "mail" | "givenName" | "surname" | "displayName" | "description" | "jobTitle" | "department"
            | "employeeId" | "mobilePhone" | "faxNumber" | "streetAddress" | "city" | "state" | "postalCode" | "country" | "userType"
            | "mailNickname" | "preferredLanguage" => Kind::Text.deserialize(deserializer),
            _ => Value::deserialize(deserializer),
        }
    }
}

/// A value of this kind, or null.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Boolean,
    List,
}

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let (expected, is_right) = match self {
            Self::Text => ("a text or null", matches!(value, Value::String(_))),
            Self::Boolean => ("a boolean or null", matches!(value, Value::Boolean(_))),
            Self::List => ("a list or null", matches!(value, Value::List(_))),
        };
        if is_right || value == Value::Null { Ok(value) } else { Err(unexpected(expected, kind(&value))) }
    }
}

#[derive(Clone, Copy)]
struct AssignmentSeed;

impl<'de> DeserializeSeed<'de> for AssignmentSeed {
    type Value = Option<Assignment>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Object(AssignmentMembers::default()).deserialize(deserializer)
    }
}

#[derive(Default)]
struct AssignmentMembers {
    principal_id: Option<Text>,
    principal_type: Option<Text>,
    app_role_id: Option<Text>,
}

impl<'de> Members<'de> for AssignmentMembers {
    type Value = Option<Assignment>;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "principalId" => once(&mut self.principal_id, name, members.next_value()?),
            "principalType" => once(&mut self.principal_type, name, members.next_value()?),
            "appRoleId" => once(&mut self.app_role_id, name, members.next_value()?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<Self::Value, E> {
        let id = required(self.principal_id, "principalId")?.0;
        let principal_type = required(self.principal_type, "principalType")?.0;
        let role = required(self.app_role_id, "appRoleId")?.0;
        let is_known = matches!(principal_type.as_str(), "User" | "Group");
        Ok(is_known.then(|| Assignment::new(id, principal_type, role)))
    }
}

struct RolesMembers {
    roles: Option<Vec<AppRole>>,
}

/// The most roles that an application can define.
const MOST_ROLES: usize = 10_000;

impl<'de> Members<'de> for RolesMembers {
    type Value = Vec<AppRole>;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "appRoles" => once(&mut self.roles, name, members.next_value_seed(List { element: RoleSeed, most: MOST_ROLES })?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<Self::Value, E> {
        required(self.roles, "appRoles")
    }
}

#[derive(Clone, Copy)]
struct RoleSeed;

impl<'de> DeserializeSeed<'de> for RoleSeed {
    type Value = AppRole;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Object(RoleMembers::default()).deserialize(deserializer)
    }
}

#[derive(Default)]
struct RoleMembers {
    id: Option<Text>,
    value: Option<Value>,
    display_name: Option<Value>,
    is_enabled: Option<Value>,
}

impl<'de> Members<'de> for RoleMembers {
    type Value = AppRole;

    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "id" => once(&mut self.id, name, members.next_value()?),
            "value" => once(&mut self.value, name, members.next_value_seed(Kind::Text)?),
            "displayName" => once(&mut self.display_name, name, members.next_value_seed(Kind::Text)?),
            "isEnabled" => once(&mut self.is_enabled, name, members.next_value_seed(Kind::Boolean)?),
            _ => members.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn end<E: de::Error>(self) -> Result<AppRole, E> {
        let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        let id = required(self.id, "id")?.0;
        let mut role = AppRole::new(id, "", text(self.display_name).unwrap_or_default());
        role.value = text(self.value);
        role.is_enabled = self.is_enabled.as_ref().and_then(Value::as_bool).unwrap_or(true);
        Ok(role)
    }
}
