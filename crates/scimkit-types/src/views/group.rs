//! Groups (RFC 7643 section 4.2).

use super::field::{Field, Single, ViewError, resource_view, view};
use crate::resource::{Meta, Resource};
use crate::schema::GROUP;
use crate::value::{ComplexValue, Value};

view! {
    /// A group.
    Group {
        /// The identifier that the service provider gave.
        id: Option<String> = "id",
        /// The identifier that the client gave.
        external_id: Option<String> = "externalId",
        /// The name under which people see the group; required.
        display_name: String = "displayName",
        /// The members.
        members: Vec<Member> = "members",
    }
}

resource_view!(Group);

impl Group {
    /// A group without members.
    pub fn new(display_name: impl Into<String>) -> Self {
        Self { display_name: display_name.into(), ..Self::default() }
    }

    #[expect(clippy::unused_self, reason = "called by the macro, which is the same for users")]
    fn set_schemas(&self, resource: &mut Resource) {
        let listed: Vec<String> = resource.schemas().map(str::to_owned).collect();
        let others = listed.iter().map(String::as_str).filter(|uri| !uri.eq_ignore_ascii_case(GROUP));
        resource.set_schemas(std::iter::once(GROUP).chain(others));
    }
}

view! {
    /// A member of a group.
    Member {
        /// The id of the member.
        value: Option<String> = "value",
        /// The address of the member.
        ref_: Option<String> = "$ref",
        /// The resource type of the member, such as `User`.
        type_: Option<String> = "type",
        /// The name under which people see the member; written by the service provider.
        display: Option<String> = "display",
    }
}

impl Member {
    /// The member with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { value: Some(id.into()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7643-4.2-01: a group has a name.
    #[test]
    fn groups_are_read_and_written() {
        let mut group = Group::new("All");
        group.members.push(Member::new("1"));
        let resource = group.to_resource();
        let expected = format!(r#"{{"schemas":["{GROUP}"],"displayName":"All","members":[{{"value":"1"}}]}}"#);
        assert_eq!(serde_json::to_string(&resource).unwrap(), expected);
        assert_eq!(Group::from_resource(&resource).unwrap().members, group.members);
        let error = Group::from_resource(&Resource::new([GROUP])).unwrap_err();
        assert_eq!(error.to_string(), "expected a string at `displayName`");
    }
}
