//! The values of one attribute.

use scimkit_types::Value;

/// No value, one, or several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Values {
    #[default]
    None,
    One(Value),
    Many(Vec<Value>),
}

impl Values {
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn first(&self) -> Option<&Value> {
        match self {
            Self::None => None,
            Self::One(value) => Some(value),
            Self::Many(values) => values.first(),
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Value> {
        match self {
            Self::None => Vec::new(),
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

impl From<Vec<Value>> for Values {
    fn from(mut values: Vec<Value>) -> Self {
        match values.len() {
            0 => Self::None,
            1 => values.pop().map_or(Self::None, Self::One),
            _ => Self::Many(values),
        }
    }
}

impl IntoIterator for Values {
    type Item = Value;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Value>, std::vec::IntoIter<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::None => (None, Vec::new()),
            Self::One(value) => (Some(value), Vec::new()),
            Self::Many(values) => (None, values),
        };
        one.into_iter().chain(many)
    }
}
