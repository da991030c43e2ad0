//! A typed change of a resource, which a store can execute without loading what it does not touch.

use crate::value::Value;

/// One change of a resource. A list of changes is executed in order and as a whole.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Sets a top-level attribute to a whole value: of the base schema, or of the extension with this URI.
    Set {
        /// The URI of the extension; `None` for the base schema and the common attributes.
        extension: Option<String>,
        /// The name of the attribute in its canonical spelling.
        attribute: String,
        /// The whole new value, elements that stay included.
        value: Value,
    },
    /// Removes a top-level attribute.
    Unset {
        /// The URI of the extension; `None` for the base schema and the common attributes.
        extension: Option<String>,
        /// The name of the attribute in its canonical spelling.
        attribute: String,
    },
    /// Adds one element to a large multi-valued reference such as `members`; one with the same `value` is replaced.
    AddMember {
        /// The name of the attribute in its canonical spelling.
        attribute: String,
        /// The element, with `value` and what else was given.
        member: Value,
    },
    /// Removes the element with this `value` from a large multi-valued reference; nothing happens if there is none.
    RemoveMember {
        /// The name of the attribute in its canonical spelling.
        attribute: String,
        /// The `value` of the element.
        value: String,
    },
    /// Removes all elements of a large multi-valued reference.
    ClearMembers {
        /// The name of the attribute in its canonical spelling.
        attribute: String,
    },
}
