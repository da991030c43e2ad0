//! Values of attributes, in the form in which they are stored.

use proptest::prelude::*;

use super::text::{filled_text, text};
use crate::compare;
use crate::schema::{Attribute, AttributeType, Mutability};
use crate::value::{ComplexValue, Number, Value};

/// Whether a client can write some of the attribute.
pub(super) fn is_writable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
        && (attribute.sub_attributes.is_empty() || attribute.sub_attributes.iter().any(|sub| sub.mutability != Mutability::ReadOnly))
}

/// A value of the attribute: a list of one to four elements if it is multi-valued, with at most one primary and no element twice.
pub fn value(attribute: &Attribute) -> BoxedStrategy<Value> {
    if !attribute.is_multi_valued {
        return element(attribute);
    }
    let definition = attribute.clone();
    prop::collection::vec(element(attribute), 1..5).prop_map(move |elements| Value::List(settled(&definition, elements))).boxed()
}

/// One value of the attribute, also if it is multi-valued.
pub fn element(attribute: &Attribute) -> BoxedStrategy<Value> {
    match attribute.type_ {
        AttributeType::Complex => complex(attribute),
        AttributeType::String => string(attribute),
        AttributeType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        AttributeType::Integer => prop_oneof![(-3..4_i64), any::<i64>()].prop_map(Value::from).boxed(),
        AttributeType::Decimal => prop_oneof![
            (-3..4_i64).prop_map(Number::from),
            any::<i64>().prop_map(Number::from),
            any::<f64>().prop_filter_map("a number", Number::from_f64),
            prop::sample::select(vec!["0.5", "1.50", "1.5", "1e2", "100", "-0.0", "9007199254740993.5"])
                .prop_filter_map("a number", |text| serde_json::from_str::<Value>(text).ok().and_then(|value| value.as_number().cloned())),
        ]
        .prop_map(Value::from)
        .boxed(),
        AttributeType::DateTime => {
            texts(&["2011-05-13T04:42:34Z", "2011-05-13T06:42:34+02:00", "2011-05-13T04:42:34", "1969-12-31T23:59:59.123456789Z"])
        }
        AttributeType::Binary => texts(&["YWJj", "YWI=", "YWI", "ywI=", "YQ=="]),
        AttributeType::Reference => texts(&[
            "https://example.com/v2/Things/1",
            "https://example.com/v2/THINGS/1",
            "../Things/2",
            "Things/1",
            "urn:example:x",
            "https://bücher.example/ı?q=%20%25",
        ]),
    }
}

fn texts(texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(texts).prop_map(Value::from).boxed()
}

fn string(attribute: &Attribute) -> BoxedStrategy<Value> {
    let free = if attribute.is_required { filled_text() } else { text() };
    if attribute.canonical_values.is_empty() {
        return free.prop_map(Value::from).boxed();
    }
    let (canonical, case_exact) = (attribute.canonical_values.clone(), attribute.case_exact);
    let spelled = move |text: String| {
        let same = canonical.iter().find(|other| compare::text_key(other, case_exact) == compare::text_key(&text, case_exact));
        Value::from(same.cloned().unwrap_or(text))
    };
    prop_oneof![3 => prop::sample::select(attribute.canonical_values.clone()), 1 => free].prop_map(spelled).boxed()
}

/// Required sub-attributes, some others, and at least one that a client can write if there is one.
fn complex(attribute: &Attribute) -> BoxedStrategy<Value> {
    let is_wanted = |sub: &Attribute| !is_writable(attribute) || sub.mutability != Mutability::ReadOnly;
    let writable: Vec<usize> =
        attribute.sub_attributes.iter().enumerate().filter(|(_, sub)| is_wanted(sub)).map(|(index, _)| index).collect();
    let members: Vec<_> =
        attribute.sub_attributes.iter().map(|sub| (sure_or_maybe(sub.is_required), value(sub), Just(sub.name.clone()))).collect();
    (members, prop::sample::select(writable))
        .prop_map(|(members, sure)| {
            let chosen = members.into_iter().enumerate().filter(|(index, (is_there, ..))| *is_there || *index == sure);
            Value::Complex(chosen.map(|(_, (_, value, name))| (name.as_str().to_owned(), value)).collect::<ComplexValue>())
        })
        .boxed()
}

/// True, and so after shrinking, or either.
pub(super) fn sure_or_maybe(is_sure: bool) -> BoxedStrategy<bool> {
    if is_sure { Just(true).boxed() } else { any::<bool>().boxed() }
}

/// The elements as a service provider keeps them: none twice, one primary.
pub(super) fn settled(attribute: &Attribute, elements: Vec<Value>) -> Vec<Value> {
    // References to resources are a set of ids, whatever else is said of them.
    let refers = |sub: &Attribute| sub.reference_types.iter().any(|target| target != "external" && target != "uri");
    let is_reference_list = attribute.sub_attribute("value").is_some_and(|value| value.mutability == Mutability::Immutable)
        || attribute.sub_attribute("$ref").is_some_and(refers);
    // What a client cannot write does not tell elements apart.
    let has_type = attribute.sub_attribute("type").is_some_and(|type_| type_.mutability != Mutability::ReadOnly) && !is_reference_list;
    let mut known = Vec::new();
    let mut has_primary = false;
    let mut kept = Vec::new();
    for mut element in elements {
        if let Value::Complex(members) = &mut element {
            if members.get("primary").and_then(Value::as_bool) == Some(true) && std::mem::replace(&mut has_primary, true) {
                members.insert("primary", false);
            }
            if let Some(id) = members.get("value").and_then(Value::as_str) {
                let type_ = members.get("type").and_then(Value::as_str).filter(|_| has_type).unwrap_or_default();
                let key = (compare::text_key(type_, false).into_owned(), id.to_owned());
                if known.contains(&key) {
                    continue;
                }
                known.push(key);
            }
        }
        let mut written = element.clone();
        if let Value::Complex(members) = &mut written {
            members.retain(|name, _| attribute.sub_attribute(name).is_some_and(|sub| sub.mutability != Mutability::ReadOnly));
        }
        let says_nothing = |written: &Value| attribute.type_ == AttributeType::Complex && written.is_unassigned();
        if says_nothing(&written) || !kept.iter().any(|(_, other): &(Value, Value)| other.is_equivalent(&written)) {
            kept.push((element, written));
        }
    }
    kept.into_iter().map(|(element, _)| element).collect()
}
