//! Which attributes a request wrote: those that are returned on request only are part of its answer (R7643-7-12).

use scimkit_types::{ComplexValue, OperationKind, PatchOp, Resource, Value};

/// The names of a body's attributes.
pub(crate) fn of_body(body: &Resource) -> Vec<String> {
    names(body.as_complex())
}

/// The names of the attributes that operations assign, without value filters.
pub(crate) fn of_patch(patch: &PatchOp) -> Vec<String> {
    let assigning = patch.operations.iter().filter(|operation| operation.kind != OperationKind::Remove);
    assigning
        .flat_map(|operation| match (&operation.path, &operation.value) {
            (Some(path), _) => vec![without_filter(path)],
            (None, Some(Value::Complex(members))) => names(members),
            _ => Vec::new(),
        })
        .collect()
}

fn names(members: &ComplexValue) -> Vec<String> {
    let of = |(name, value): (&str, &Value)| match value {
        // Members of an extension stand under its URI.
        Value::Complex(inner) if name.contains(':') => inner.iter().map(|(inner, _)| format!("{name}:{inner}")).collect(),
        _ => vec![name.to_owned()],
    };
    members.iter().flat_map(of).collect()
}

/// `emails[type eq "work"].value` as `emails.value`.
fn without_filter(path: &str) -> String {
    match (path.split_once('['), path.rsplit_once(']')) {
        (Some((head, _)), Some((_, tail))) => format!("{head}{tail}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_bodies_and_paths() {
        let body: Resource = serde_json::from_str(r#"{"a": {"b": 1}, "urn:x:y": {"c": 1, "d": 2}}"#).unwrap();
        assert_eq!(of_body(&body), ["a", "urn:x:y:c", "urn:x:y:d"]);
        assert_eq!(without_filter(r#"emails[value eq "]["].value"#), "emails.value");
        assert_eq!(without_filter("name.familyName"), "name.familyName");
    }
}
