//! Every vector of `testdata/patch/patch-vectors.json`, strictly and as Microsoft Entra ID would be understood.

use scimkit_patch::{Context, apply};
use scimkit_types::{Catalog, ComplexValue, Dialect, PatchOp, Resource, Value};

/// `primary: false` says nothing.
fn normal(resource: &Resource) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(walk),
            Value::Complex(members) => {
                members.retain(|name, value| !(name.eq_ignore_ascii_case("primary") && value.as_bool() == Some(false)));
                members.iter_mut().for_each(|(_, value)| walk(value));
            }
            _ => {}
        }
    }
    let mut value = Value::Complex(resource.as_complex().clone());
    walk(&mut value);
    value
}

fn meets(expect: &ComplexValue, before: &Resource, outcome: Result<&(Resource, bool), &str>) -> bool {
    match outcome {
        Err(scim_type) => expect.get("scimType").and_then(Value::as_str) == Some(scim_type),
        Ok((after, is_changed)) => {
            let expected = match expect.get("after") {
                Some(Value::Complex(expected)) => Resource::from(expected.clone()),
                _ if expect.get("ignored").is_some() => before.clone(),
                _ => return false,
            };
            let mut after = after.clone();
            after.remove("password");
            let same = normal(&after).is_equivalent(&normal(&expected));
            same && expect.get("meta_changes").and_then(Value::as_bool).is_none_or(|changes| changes == *is_changed)
        }
    }
}

/// R7643-2.5-02, R7644-3.5.2-03, R7644-3.5.2-04, R7644-3.5.2-05, R7644-3.5.2-06, R7644-3.5.2-08, R7644-3.5.2-11,
/// R7644-3.5.2-13, R7644-3.5.2-14, R7644-3.5.2-15, R7644-3.5.2-16, R7644-3.5.2-19, R7644-3.5.2.1-01, R7644-3.5.2.1-02,
/// R7644-3.5.2.1-03, R7644-3.5.2.1-04, R7644-3.5.2.1-05, R7644-3.5.2.2-01, R7644-3.5.2.2-02, R7644-3.5.2.2-03, R7644-3.5.2.2-04,
/// R7644-3.5.2.2-05, R7644-3.5.2.2-06, R7644-3.5.2.3-01, R7644-3.5.2.3-02, R7644-3.5.2.3-03, R7644-3.5.2.3-04, R7644-3.5.2.3-05,
/// R7644-3.5.2.3-06, R7644-3.5.2.3-07:
/// strict answers are the expected one, or an acceptable one where the register of ambiguities decides so; with the dialect of Entra the
/// expected ones of compatible vectors hold.
#[test]
fn all_vectors_hold() {
    let catalog = Catalog::standard();
    let text = include_str!("../../../../testdata/patch/patch-vectors.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let vectors = document.as_complex().unwrap().get("vectors").unwrap().as_list().unwrap();
    assert_eq!(vectors.len(), 64);
    let mut faults = Vec::new();
    for vector in vectors {
        let vector = vector.as_complex().unwrap();
        let id = vector.get("id").and_then(Value::as_str).unwrap();
        let before = Resource::from(vector.get("before").unwrap().as_complex().unwrap().clone());
        let is_group = before.has_schema(scimkit_types::schema::GROUP);
        let type_ = catalog.resource_type(if is_group { "Group" } else { "User" }).unwrap();
        let is_compat = vector.get("mode").and_then(Value::as_str) == Some("compat");
        let expect = vector.get("expect").unwrap().as_complex().unwrap();
        let also = vector.get("also_acceptable").map(Value::elements).unwrap_or_default().iter().filter_map(Value::as_complex);
        let acceptable: Vec<&ComplexValue> = std::iter::once(expect).chain(also).collect();
        for dialect in [Dialect::STRICT, Dialect::ENTRA] {
            let context = Context::new(&catalog, type_).with_dialect(dialect);
            let outcome = match PatchOp::from_json(vector.get("request").unwrap().clone()) {
                Err(_) => Err("invalidSyntax".to_owned()),
                Ok(request) => match apply(&before, &request, &context) {
                    Ok(applied) => Ok((applied.resource, applied.is_changed)),
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        Err(error.scim_type().to_string())
                    }
                },
            };
            let outcome = outcome.as_ref().map_err(String::as_str);
            let is_strict = dialect == Dialect::STRICT;
            let is_fine = match (id, is_strict) {
                // AMB-28: a strict service refuses rather than removing all.
                ("PV52", true) => outcome.is_err_and(|scim_type| scim_type == "invalidSyntax"),
                // A tolerant dialect decides otherwise: no operations do nothing, the last primary wins.
                ("PV49", false) => outcome.is_ok_and(|(_, is_changed)| !is_changed),
                ("PV63", false) => outcome.is_ok(),
                // IR06: what the filter describes is created.
                ("PV35", false) => outcome.is_ok_and(|(_, is_changed)| *is_changed),
                (_, false) if is_compat => meets(expect, &before, outcome),
                _ => acceptable.iter().any(|expect| meets(expect, &before, outcome)),
            };
            if !is_fine {
                faults.push(format!("{id} {dialect:?}: {outcome:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
