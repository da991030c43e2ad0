//! How the members of a view are read and written.

use crate::value::{ComplexValue, Number, Value};

/// A document that is not what a view needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at `{path}`")]
#[non_exhaustive]
pub struct ViewError {
    /// The place, such as `emails[1].value`.
    pub path: String,
    /// What was expected there.
    pub expected: &'static str,
}

impl ViewError {
    pub(super) const fn new(expected: &'static str) -> Self {
        Self { path: String::new(), expected }
    }

    /// The error as seen from one level above.
    pub(super) fn within(mut self, name: &str) -> Self {
        let separator = match self.path.chars().next() {
            None | Some('[') => "",
            Some(_) if name.contains(':') => ":",
            Some(_) => ".",
        };
        self.path.insert_str(0, separator);
        self.path.insert_str(0, name);
        self
    }
}

/// One value of an attribute.
pub(super) trait Single: Sized {
    fn read(value: &Value) -> Result<Self, ViewError>;

    fn write(&self) -> Value;

    /// Puts the value in the place of a present one.
    fn apply(&self, present: &mut Value) {
        *present = self.write();
    }
}

/// A member of a view: required, optional or a list.
pub(super) trait Field: Sized {
    fn read(value: Option<&Value>) -> Result<Self, ViewError>;

    /// The value; `None` if it is unassigned.
    fn write(&self) -> Option<Value>;

    /// Sets or removes the member.
    fn apply(&self, members: &mut ComplexValue, name: &str) {
        match self.write() {
            Some(value) => {
                members.insert(name, value);
            }
            None => {
                members.remove(name);
            }
        }
    }
}

impl Single for String {
    fn read(value: &Value) -> Result<Self, ViewError> {
        value.as_str().map(str::to_owned).ok_or(const { ViewError::new("a string") })
    }

    fn write(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Single for bool {
    fn read(value: &Value) -> Result<Self, ViewError> {
        value.as_bool().ok_or(const { ViewError::new("a boolean") })
    }

    fn write(&self) -> Value {
        Value::from(*self)
    }
}

impl Single for u64 {
    fn read(value: &Value) -> Result<Self, ViewError> {
        value.as_number().and_then(Number::as_u64).ok_or(const { ViewError::new("an integer that is not negative") })
    }

    fn write(&self) -> Value {
        Value::from(Number::from(*self))
    }
}

impl<T: Single> Field for Option<T> {
    fn read(value: Option<&Value>) -> Result<Self, ViewError> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value).map(Some),
        }
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().map(T::write)
    }

    fn apply(&self, members: &mut ComplexValue, name: &str) {
        match self {
            Some(value) => value.apply(members.entry(name)),
            None => {
                members.remove(name);
            }
        }
    }
}

impl<T: Single> Field for Vec<T> {
    fn read(value: Option<&Value>) -> Result<Self, ViewError> {
        match value {
            None | Some(Value::Null) => Ok(Self::new()),
            Some(Value::List(values)) => {
                let assigned = values.iter().enumerate().filter(|(_, value)| !matches!(value, Value::Null));
                assigned.map(|(index, value)| T::read(value).map_err(|error| error.within(&format!("[{index}]")))).collect()
            }
            Some(_) => Err(ViewError::new("a list")),
        }
    }

    fn write(&self) -> Option<Value> {
        (!self.is_empty()).then(|| Value::List(self.iter().map(T::write).collect()))
    }
}

/// Members that must be there.
macro_rules! required {
    ($($type:ty => $expected:literal),* $(,)?) => {$(
        impl Field for $type {
            fn read(value: Option<&Value>) -> Result<Self, ViewError> {
                value.map_or_else(|| Err(ViewError::new($expected)), <Self as Single>::read)
            }

            fn write(&self) -> Option<Value> {
                Some(Single::write(self))
            }
        }
    )*};
}

required! { String => "a string", bool => "a boolean", u64 => "an integer that is not negative" }

/// Defines a view: its struct, how it is read and written, and serde through that.
macro_rules! view {
    ($(#[$docs:meta])* $name:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty = $member:expr,)* }) => {
        $(#[$docs])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_docs])* pub $field: $type,)*
            /// The members that the view does not name, as they came.
            pub other: ComplexValue,
        }

        impl $name {
            /// Reads the view; names compare without case.
            ///
            /// # Errors
            /// [`ViewError`] naming the first member at fault.
            pub fn from_complex(members: &ComplexValue) -> Result<Self, ViewError> {
                const NAMES: &[&str] = &[$($member),*];
                let is_other = |name: &str| !NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
                let other = members.iter().filter(|(name, _)| is_other(name)).map(|(name, value)| (name, value.clone()));
                Ok(Self {
                    $($field: Field::read(members.get($member)).map_err(|error| error.within($member))?,)*
                    other: other.collect(),
                })
            }

            /// The members of the view and what it does not name.
            pub fn to_complex(&self) -> ComplexValue {
                let mut members = ComplexValue::new();
                self.apply_to_complex(&mut members);
                members
            }

            /// Sets or removes the members that the view names, and sets those of [`other`](Self::other); all else stays.
            pub fn apply_to_complex(&self, members: &mut ComplexValue) {
                $(Field::apply(&self.$field, members, $member);)*
                for (name, value) in self.other.iter() {
                    members.insert(name, value.clone());
                }
            }
        }

        impl Single for $name {
            fn read(value: &Value) -> Result<Self, ViewError> {
                value.as_complex().map_or_else(|| Err(ViewError::new("an object")), Self::from_complex)
            }

            fn write(&self) -> Value {
                Value::Complex(self.to_complex())
            }

            fn apply(&self, present: &mut Value) {
                match present {
                    Value::Complex(members) => self.apply_to_complex(members),
                    other => *other = self.write(),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.to_complex().serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let members = ComplexValue::deserialize(deserializer)?;
                Self::from_complex(&members).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The view of a whole resource: as [`view!`], with `schemas` computed by a method `set_schemas(&self, &mut Resource)`.
macro_rules! resource_view {
    ($name:ident) => {
        impl $name {
            /// Reads the view; names compare without case. `schemas` and `meta` stay in [`other`](Self::other).
            ///
            /// # Errors
            /// [`ViewError`] naming the first member at fault.
            pub fn from_resource(resource: &Resource) -> Result<Self, ViewError> {
                Self::from_complex(resource.as_complex())
            }

            /// What the service provider says of the resource itself.
            pub fn meta(&self) -> Meta {
                Meta::read(self.other.get("meta"))
            }

            /// The resource with everything that the view holds; `schemas` names what it needs to.
            pub fn to_resource(&self) -> Resource {
                let mut resource = Resource::new([]);
                self.apply_to(&mut resource);
                resource
            }

            /// Sets or removes the attributes that the view names; what a resource or one of its complex attributes holds beside them
            /// stays. A list is replaced as a whole.
            pub fn apply_to(&self, resource: &mut Resource) {
                self.apply_to_complex(resource.as_complex_mut());
                self.set_schemas(resource);
            }
        }
    };
}

pub(super) use {resource_view, view};
