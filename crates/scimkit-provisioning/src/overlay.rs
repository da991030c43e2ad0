//! What stands in the target after a flow: what was there, and over it what the mappings say.

use scimkit_types::{ComplexValue, Profile, Resource, Value};

/// Lays desired attributes over what was there. An attribute that the mappings left out keeps its value (a source without a value clears
/// nothing); elements of a list are taken as the same if their `type` is, and other lists are replaced as a whole.
pub(crate) fn overlay(base: &Resource, desired: &Resource) -> Resource {
    let mut result = base.clone();
    overlay_complex(result.as_complex_mut(), desired.as_complex());
    result
}

fn overlay_complex(base: &mut ComplexValue, desired: &ComplexValue) {
    for (name, value) in desired.iter() {
        match (base.get_mut(name), value) {
            (Some(Value::Complex(old)), Value::Complex(new)) => overlay_complex(old, new),
            (Some(Value::List(old)), Value::List(new)) if has_types(old) && has_types(new) => overlay_list(old, new),
            _ => {
                base.insert(name, value.clone());
            }
        }
    }
}

fn overlay_list(base: &mut Vec<Value>, desired: &[Value]) {
    for element in desired {
        let same = base.iter_mut().find(|old| element_type(old) == element_type(element));
        match (same.map(|old| (old.as_complex_mut(), element.as_complex())), element) {
            (Some((Some(old), Some(new))), _) => overlay_complex(old, new),
            (_, element) => base.push(element.clone()),
        }
    }
}

fn has_types(elements: &[Value]) -> bool {
    elements.iter().all(|element| element_type(element).is_some())
}

fn element_type(element: &Value) -> Option<String> {
    element.as_complex()?.get("type")?.as_str().map(str::to_ascii_lowercase)
}

/// Removes what a path such as `title`, `name.givenName` or `emails[type eq "work"].value` names.
pub(crate) fn clear(resource: &mut Resource, path: &scimkit_filter::PatchPath) {
    use scimkit_filter::PatchPath;
    let (attribute, element_type, sub_attribute) = match path {
        PatchPath::Attribute(path) => (path, None, path.sub_attribute.as_ref()),
        PatchPath::ValuePath { value_path, sub_attribute } => {
            (&value_path.path, Some(value_path.value_filter.as_ref()), sub_attribute.as_ref())
        }
        PatchPath::Schema(uri) => {
            resource.remove(uri.as_str());
            return;
        }
    };
    let members = match &attribute.schema {
        Some(uri) if resource.get(uri.as_str()).is_some() => resource.get_mut(uri.as_str()).and_then(Value::as_complex_mut),
        _ => Some(resource.as_complex_mut()),
    };
    let Some(members) = members else { return };
    let name = attribute.attribute.as_str();
    match (members.get_mut(name), sub_attribute) {
        (Some(Value::List(elements)), _) => {
            let wanted = element_type.and_then(type_of_filter);
            let is_meant = |element: &Value| wanted.is_none() || self::element_type(element) == wanted;
            match sub_attribute {
                None => elements.retain(|element| !is_meant(element)),
                Some(sub) => {
                    for element in elements.iter_mut().filter(|element| is_meant(element)) {
                        element.as_complex_mut().and_then(|element| element.remove(sub.as_str()));
                    }
                }
            }
        }
        (Some(Value::Complex(value)), Some(sub)) => {
            value.remove(sub.as_str());
        }
        _ => {
            members.remove(name);
        }
    }
}

fn type_of_filter(filter: &scimkit_filter::Filter) -> Option<String> {
    use scimkit_filter::{AttributeExpression, CompareOperator, Filter, Literal};
    match filter {
        Filter::Attribute(AttributeExpression::Compare { path, operator: CompareOperator::Equal, value: Literal::String(text) })
            if path.attribute == *"type" =>
        {
            Some(text.to_ascii_lowercase())
        }
        _ => None,
    }
}

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
    use scimkit_filter::PatchPath;

    use super::*;

    fn resource(text: &str) -> Resource {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_the_mappings_leave_out_stays() {
        let base = resource(
            r#"{"title": "Cook", "name": {"givenName": "Åsa", "familyName": "Ek"}, "emails": [{"type": "work", "value": "a", "display": "d"}]}"#,
        );
        let desired =
            resource(r#"{"name": {"familyName": "Alm"}, "emails": [{"type": "WORK", "value": "b"}, {"type": "home", "value": "c"}]}"#);
        let expected = resource(
            r#"{"title": "Cook", "name": {"givenName": "Åsa", "familyName": "Alm"},
                "emails": [{"type": "WORK", "value": "b", "display": "d"}, {"type": "home", "value": "c"}]}"#,
        );
        assert_eq!(overlay(&base, &desired), expected);
    }

    #[test]
    fn a_cleared_path_is_removed() {
        let mut user = resource(r#"{"title": "Cook", "emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]}"#);
        clear(&mut user, &PatchPath::parse("title").unwrap());
        clear(&mut user, &PatchPath::parse(r#"emails[type eq "work"].value"#).unwrap());
        assert_eq!(user, resource(r#"{"emails": [{"type": "work"}, {"type": "home", "value": "b"}]}"#));
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
