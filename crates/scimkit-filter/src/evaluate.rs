//! A resolved filter on a resource.

use scimkit_types::{ComplexValue, Resource};

use crate::resolve::{Node, ResolvedFilter};

impl ResolvedFilter {
    /// Whether the resource meets the filter.
    pub fn matches(&self, resource: &Resource) -> bool {
        todo!("{resource:?}")
    }
}

impl Node {
    /// Whether an element of a complex multi-valued attribute meets a filter relative to it.
    pub fn matches_element(&self, element: &ComplexValue) -> bool {
        todo!("{element:?}")
    }
}
