//! What gives text its meaning: the schemas and the dialect.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::ValueEnum;
use scimkit_filter::ParseOptions;
use scimkit_types::{Catalog, Dialect, Resource, ResourceType, schema};

use crate::failure::Failure;

/// The resource types of RFC 7643.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(clippy::exhaustive_enums, reason = "the standard catalog has no other")]
pub enum ResourceKind {
    /// A user.
    #[value(name = "User")]
    User,
    /// A group.
    #[value(name = "Group")]
    Group,
}

impl ResourceKind {
    /// What `schemas` says: a group if the Group schema is named and the User schema is not, else a user.
    pub fn of(resource: &Resource) -> Self {
        if resource.has_schema(schema::GROUP) && !resource.has_schema(schema::USER) { Self::Group } else { Self::User }
    }
}

/// The standard schemas, read in one dialect or another.
#[derive(Clone, Debug)]
pub struct Language {
    catalog: Catalog,
}

impl Default for Language {
    fn default() -> Self {
        Self { catalog: Catalog::standard() }
    }
}

impl Language {
    /// The schemas and resource types.
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How to parse in a dialect.
    pub fn parse_options(&self, dialect: Dialect) -> ParseOptions<'_> {
        ParseOptions::default().with_catalog(&self.catalog).with_dialect(dialect)
    }

    /// The definition of a resource type.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the standard catalog has both types")]
    pub fn resource_type(&self, kind: ResourceKind) -> &ResourceType {
        let name = match kind {
            ResourceKind::User => "User",
            ResourceKind::Group => "Group",
        };
        self.catalog.resource_type(name).expect("a standard resource type")
    }
}

/// The most bytes of a file.
const MAX_FILE: usize = 16 << 20;

/// Reads a resource from a file of at most 16 MiB.
///
/// # Errors
/// [`Failure::File`], [`Failure::FileSize`] and [`Failure::NotResource`].
pub fn read_resource_file(path: &Path) -> Result<Resource, Failure> {
    let body = read_file(path)?;
    serde_json::from_slice(&body).map_err(|source| Failure::NotResource { path: path.to_owned(), source })
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut body));
    match read {
        Err(source) => Err(Failure::File { path: path.to_owned(), source }),
        Ok(_) if body.len() > MAX_FILE => Err(Failure::FileSize { path: path.to_owned(), limit: MAX_FILE }),
        Ok(_) => Ok(body),
    }
}
