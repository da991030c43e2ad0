//! What there is of a resource already.

use crate::resource::Resource;
use crate::value::{ComplexValue, MemberName, Value};

/// The resource that there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Present<'p> {
    /// There is none.
    None,
    Whole(&'p Resource),
    /// As the one that is checked, but for what some attributes and extensions were before.
    Before(&'p Resource, &'p [(MemberName, Option<Value>)]),
}

impl<'p> Present<'p> {
    pub(super) fn get(self, name: &str) -> Option<&'p Value> {
        match self {
            Self::None => None,
            Self::Whole(resource) => resource.get(name),
            Self::Before(resource, before) => match before.iter().find(|(changed, _)| *changed == *name) {
                Some((_, value)) => value.as_ref(),
                None => resource.get(name),
            },
        }
    }

    pub(super) fn extension(self, uri: &str) -> Option<&'p ComplexValue> {
        self.get(uri).and_then(Value::as_complex)
    }

    pub(super) fn has_schema(self, uri: &str) -> bool {
        let listed = self.get("schemas").map(Value::elements).unwrap_or_default();
        listed.iter().filter_map(Value::as_str).any(|listed| listed.eq_ignore_ascii_case(uri))
    }

    /// Whether an attribute or extension can be other than it was.
    pub(super) fn is_open(self, name: &str) -> bool {
        match self {
            Self::None | Self::Whole(_) => true,
            Self::Before(_, before) => before.iter().any(|(changed, _)| *changed == *name),
        }
    }
}
