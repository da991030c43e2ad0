//! Values that a service is known to change on the way in.

use scimkit_types::{Profile, Resource, Value};

/// The resource as the service will show it: values that it is known to change on the way in are changed.
pub(crate) fn echo(resource: &Resource, profile: &Profile) -> Resource {
    let mut resource = resource.clone();
    for echo in &profile.echoes {
        let (attribute, sub_attribute) = match echo.attribute.split_once('.') {
            Some((attribute, sub_attribute)) => (attribute, Some(sub_attribute)),
            None => (echo.attribute.as_str(), None),
        };
        let Some(value) = resource.get_mut(attribute) else { continue };
        echo_value(value, sub_attribute, &|text| profile.echo(&echo.attribute, text).to_owned());
    }
    resource
}

fn echo_value(value: &mut Value, sub_attribute: Option<&str>, change: &dyn Fn(&str) -> String) {
    match (value, sub_attribute) {
        (Value::String(text), None) => *text = change(text),
        (Value::List(elements), sub_attribute) => {
            for element in elements {
                match (element, sub_attribute) {
                    (Value::Complex(element), Some(sub)) => {
                        if let Some(Value::String(text)) = element.get_mut(sub) {
                            *text = change(text);
                        }
                    }
                    (Value::String(text), None) => *text = change(text),
                    _ => {}
                }
            }
        }
        (Value::Complex(value), Some(sub)) => {
            if let Some(Value::String(text)) = value.get_mut(sub) {
                *text = change(text);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn echoes_change_only_their_attribute() {
        let profile: Profile =
            serde_json::from_str(r#"{"name": "p", "echoes": [{"attribute": "addresses.country", "values": {"US": "United States"}}]}"#)
                .unwrap();
        let user = resource(r#"{"title": "US", "addresses": [{"type": "work", "country": "US"}, {"type": "home", "country": "FR"}]}"#);
        let expected =
            resource(r#"{"title": "US", "addresses": [{"type": "work", "country": "United States"}, {"type": "home", "country": "FR"}]}"#);
        assert_eq!(echo(&user, &profile), expected);
    }
}
