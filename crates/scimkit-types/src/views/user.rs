//! Users (RFC 7643 sections 4.1 and 4.3).

use std::fmt;

use super::field::{Field, Single, ViewError, resource_view, view};
use crate::resource::{Meta, Resource};
use crate::schema::{ENTERPRISE_USER, USER};
use crate::value::{ComplexValue, Value};

view! {
    /// A user with the attributes of RFC 7643 section 4.1 and, if it has one, the enterprise extension.
    User {
        /// The identifier that the service provider gave.
        id: Option<String> = "id",
        /// The identifier that the client gave.
        external_id: Option<String> = "externalId",
        /// The name under which the user signs in; required.
        user_name: String = "userName",
        /// The parts of the user's real name.
        name: Option<Name> = "name",
        /// The name under which other people see the user.
        display_name: Option<String> = "displayName",
        /// What the user is casually called.
        nick_name: Option<String> = "nickName",
        /// The address of a page about the user.
        profile_url: Option<String> = "profileUrl",
        /// The job title.
        title: Option<String> = "title",
        /// How the user is related to the organization.
        user_type: Option<String> = "userType",
        /// The languages that the user prefers to read.
        preferred_language: Option<String> = "preferredLanguage",
        /// The language tag by which dates, numbers and money are shown.
        locale: Option<String> = "locale",
        /// The time zone by its name in the IANA database.
        timezone: Option<String> = "timezone",
        /// Whether the user can use the service.
        active: Option<bool> = "active",
        /// A new password; never read.
        password: Option<Password> = "password",
        /// E-mail addresses.
        emails: Vec<MultiValue> = "emails",
        /// Telephone numbers.
        phone_numbers: Vec<MultiValue> = "phoneNumbers",
        /// Addresses of instant messaging services.
        ims: Vec<MultiValue> = "ims",
        /// Addresses of pictures.
        photos: Vec<MultiValue> = "photos",
        /// Postal addresses.
        addresses: Vec<Address> = "addresses",
        /// The groups that the user is a member of; changed through the groups only.
        groups: Vec<MultiValue> = "groups",
        /// What the user is entitled to.
        entitlements: Vec<MultiValue> = "entitlements",
        /// The roles that the user has.
        roles: Vec<MultiValue> = "roles",
        /// Certificates as base64.
        x509_certificates: Vec<MultiValue> = "x509Certificates",
        /// The enterprise extension.
        enterprise: Option<EnterpriseUser> = ENTERPRISE_USER,
    }
}

resource_view!(User);

impl User {
    /// A user who has nothing but a name to sign in.
    pub fn new(user_name: impl Into<String>) -> Self {
        Self { user_name: user_name.into(), ..Self::default() }
    }

    /// The value of `emails` that is primary, else the first one.
    pub fn primary_email(&self) -> Option<&str> {
        let primary = self.emails.iter().find(|email| email.primary == Some(true));
        primary.or_else(|| self.emails.first()).and_then(|email| email.value.as_deref())
    }

    fn set_schemas(&self, resource: &mut Resource) {
        let has_extension = self.enterprise.is_some();
        let listed: Vec<String> = resource.schemas().map(str::to_owned).collect();
        let is_other = |uri: &&str| !uri.eq_ignore_ascii_case(USER) && !uri.eq_ignore_ascii_case(ENTERPRISE_USER);
        let extension = has_extension.then_some(ENTERPRISE_USER);
        let others = listed.iter().map(String::as_str).filter(is_other);
        resource.set_schemas(std::iter::once(USER).chain(extension).chain(others));
    }
}

view! {
    /// The parts of a user's name.
    Name {
        /// The whole name, ready to be shown.
        formatted: Option<String> = "formatted",
        /// The family name.
        family_name: Option<String> = "familyName",
        /// The given name.
        given_name: Option<String> = "givenName",
        /// The middle names.
        middle_name: Option<String> = "middleName",
        /// What stands before the name.
        honorific_prefix: Option<String> = "honorificPrefix",
        /// What stands behind the name.
        honorific_suffix: Option<String> = "honorificSuffix",
    }
}

impl Name {
    /// A name of two parts.
    pub fn new(given_name: impl Into<String>, family_name: impl Into<String>) -> Self {
        Self { given_name: Some(given_name.into()), family_name: Some(family_name.into()), ..Self::default() }
    }
}

view! {
    /// One value of a multi-valued attribute with the default sub-attributes of RFC 7643 section 2.4.
    MultiValue {
        /// The value itself.
        value: Option<String> = "value",
        /// The text under which people see the value.
        display: Option<String> = "display",
        /// What the value is used for, such as `work`.
        type_: Option<String> = "type",
        /// Whether this is the preferred value.
        primary: Option<bool> = "primary",
        /// The address of the resource that the value stands for.
        ref_: Option<String> = "$ref",
    }
}

impl MultiValue {
    /// A value without type.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// This value with a type.
    #[must_use]
    pub fn with_type(mut self, type_: impl Into<String>) -> Self {
        self.type_ = Some(type_.into());
        self
    }

    /// This value as the primary one.
    #[must_use]
    pub const fn with_primary(mut self) -> Self {
        self.primary = Some(true);
        self
    }
}

view! {
    /// A postal address.
    Address {
        /// The whole address, ready to be printed.
        formatted: Option<String> = "formatted",
        /// Street, house number and what belongs to them.
        street_address: Option<String> = "streetAddress",
        /// The city or place.
        locality: Option<String> = "locality",
        /// The state or region.
        region: Option<String> = "region",
        /// The postal code.
        postal_code: Option<String> = "postalCode",
        /// The country by its two-letter code of ISO 3166-1.
        country: Option<String> = "country",
        /// Where the address is, such as `work`.
        type_: Option<String> = "type",
        /// Whether this is the preferred address.
        primary: Option<bool> = "primary",
    }
}

view! {
    /// The enterprise extension of a user (RFC 7643 section 4.3).
    EnterpriseUser {
        /// The number by which the organization knows the person.
        employee_number: Option<String> = "employeeNumber",
        /// The cost center.
        cost_center: Option<String> = "costCenter",
        /// The organization.
        organization: Option<String> = "organization",
        /// The division.
        division: Option<String> = "division",
        /// The department.
        department: Option<String> = "department",
        /// The manager.
        manager: Option<Manager> = "manager",
    }
}

view! {
    /// A user's manager.
    Manager {
        /// The id of the manager's user.
        value: Option<String> = "value",
        /// The address of the manager's user.
        ref_: Option<String> = "$ref",
        /// The name under which people see the manager; written by the service provider.
        display_name: Option<String> = "displayName",
    }
}

impl Manager {
    /// The manager with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { value: Some(id.into()), ..Self::default() }
    }
}

/// A password in clear text. `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Single for Password {
    fn read(value: &Value) -> Result<Self, ViewError> {
        <String as Single>::read(value).map(Self)
    }

    fn write(&self) -> Value {
        Value::from(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        serde_json::from_str(&text.replace("\"EXT\"", &format!("\"{ENTERPRISE_USER}\""))).unwrap()
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        assert_eq!(User::from_resource(&resource(text)).unwrap_err().to_string(), expected);
    }

    /// R7643-2.1-01: names are read without case.
    #[test]
    fn names_are_read_without_case() {
        let user =
            User::from_resource(&resource(r#"{"USERNAME": "o", "Active": false, "Emails": [{"VALUE": "a", "$REF": "r"}]}"#)).unwrap();
        assert_eq!((user.user_name.as_str(), user.active, user.primary_email()), ("o", Some(false), Some("a")));
        assert_eq!(user.emails[0].ref_.as_deref(), Some("r"));
        assert!(user.other.is_empty());
    }

    #[test]
    fn errors_name_the_place_and_no_value() {
        refuse("{}", "expected a string at `userName`");
        refuse(r#"{"userName": "o", "emails": [{}, {"value": 7}]}"#, "expected a string at `emails[1].value`");
        refuse(r#"{"userName": "o", "emails": {"value": "secret"}}"#, "expected a list at `emails`");
        refuse(r#"{"userName": "o", "emails": ["secret"]}"#, "expected an object at `emails[0]`");
        refuse(r#"{"userName": "o", "active": "secret"}"#, "expected a boolean at `active`");
        let place = format!("expected an object at `{ENTERPRISE_USER}:manager`");
        refuse(r#"{"userName": "o", "EXT": {"manager": "secret"}}"#, &place);
    }

    #[test]
    fn what_is_not_named_stays() {
        let text = r#"{"userName": "o", "x": 1, "name": {"familyName": "N", "y": 2}, "urn:a:b": {"c": 3}, "title": "T",
                       "schemas": ["urn:a:b"], "emails": [{"value": "a", "z": 4}], "meta": {"version": "W/\"1\""}}"#;
        let mut present = resource(text);
        let mut user = User::from_resource(&present).unwrap();
        user.title = None;
        user.enterprise = Some(EnterpriseUser { department: Some("D".to_owned()), ..EnterpriseUser::default() });
        user.apply_to(&mut present);
        assert_eq!(present, user.to_resource());
        let expected = resource(
            r#"{"userName": "o", "x": 1, "name": {"familyName": "N", "y": 2}, "urn:a:b": {"c": 3}, "emails": [{"value": "a", "z": 4}],
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "EXT", "urn:a:b"], "meta": {"version": "W/\"1\""},
                "EXT": {"department": "D"}}"#,
        );
        assert_eq!(present, expected);
        // A view that was not read from the resource changes what it names and nothing else.
        let mut fresh = User::new("p");
        fresh.name = Some(Name::new("A", "B"));
        fresh.apply_to(&mut present);
        assert_eq!(present.get("x"), resource(text).get("x"));
        let name = present.get("name").unwrap().as_complex().unwrap();
        assert_eq!((name.get("givenName"), name.get("y")), (Some(&Value::from("A")), Some(&Value::from(2))));
        assert!(present.extension(ENTERPRISE_USER).is_none() && !present.has_schema(ENTERPRISE_USER));
    }

    #[test]
    fn serde_goes_through_the_view() {
        let mut user = User::new("o");
        user.emails.push(MultiValue::new("a").with_type("work").with_primary());
        let text = serde_json::to_string(&user).unwrap();
        assert_eq!(text, r#"{"userName":"o","emails":[{"value":"a","type":"work","primary":true}]}"#);
        assert_eq!(serde_json::from_str::<User>(&text).unwrap(), user);
        let error = serde_json::from_str::<User>(r#"{"userName": 1}"#).unwrap_err().to_string();
        assert!(error.contains("expected a string at `userName`"), "{error}");
    }

    #[test]
    fn debug_hides_the_password() {
        let user = User { password: Some(Password::new("hunter2")), ..User::new("o") };
        assert!(!format!("{user:?}").contains("hunter2"));
        assert_eq!(user.to_resource().get("password"), Some(&Value::from("hunter2")));
    }
}
