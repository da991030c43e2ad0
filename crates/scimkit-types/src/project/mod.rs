//! Which attributes a response carries (RFC 7644 section 3.9, RFC 7643 section 7 `returned`).

use crate::resource::Resource;
use crate::schema::{Attribute, AttributeName, Catalog, ResourceType, Returned};
use crate::value::{ComplexValue, Value};

/// A choice of attributes, checked and ready to apply to many resources of one type.
///
/// The default is the choice of a request without parameters.
///
/// ```
/// use scimkit_types::{Catalog, Projection, Resource};
///
/// let catalog = Catalog::standard();
/// let user_type = catalog.resource_type("User").ok_or("no such resource type")?;
/// let user: Resource = serde_json::from_str(
///     r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "ola", "name": {"familyName": "N", "givenName": "O"}}"#,
/// )?;
/// let projection = Projection::new(&catalog, user_type, &["NAME.familyname".to_owned()], &[])?;
/// assert_eq!(
///     serde_json::to_string(&projection.apply(&catalog, user_type, user))?,
///     r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","name":{"familyName":"N"}}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    choice: Choice,
    /// What the request wrote, in lower case; returned even if it is returned on request only.
    written: Vec<Target>,
    /// Top-level attributes and extensions that are in every response, whole or in part.
    always: Vec<String>,
    /// Top-level attributes that are in no response.
    never: Vec<String>,
    /// Top-level attributes that are in a response on request only.
    on_request: Vec<String>,
    /// Top-level attributes and extensions of which some parts are never returned, always or on request; `None` if the type is not known.
    divided: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Usual,
    Only(Vec<Target>),
    Except(Vec<Target>),
}

/// A name as the request gave it, taken apart. All parts are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// The URI of an extension; `None` for the base schema and the common attributes.
    extension: Option<String>,
    /// The attribute; `None` for all of the schema.
    attribute: Option<String>,
    sub_attribute: Option<String>,
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
    /// There are more names than a request can have.
    #[error("expected at most {MAX_NAMES} names of attributes, found {found}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// How many names a choice can have.
pub const MAX_NAMES: usize = 1000;

impl Projection {
    /// A choice of attributes, from the parameters `attributes` and `excludedAttributes`.
    ///
    /// Names are in the standard notation of RFC 7644 section 3.10: `userName`, `name.familyName`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName`, or the URI of a schema alone.
    /// They compare without case; blanks around them are left out, and an element may hold several with commas between them.
    ///
    /// # Errors
    /// [`ProjectionError`] if both are given, a name cannot be read or there are too many. A name that the type does not know is ignored.
    pub fn new(
        catalog: &Catalog,
        resource_type: &ResourceType,
        attributes: &[String],
        excluded_attributes: &[String],
    ) -> Result<Self, ProjectionError> {
        let included = targets(catalog, resource_type, attributes)?;
        let excluded = targets(catalog, resource_type, excluded_attributes)?;
        let choice = match (included.is_empty(), excluded.is_empty()) {
            (true, true) => Choice::Usual,
            (false, true) => Choice::Only(included),
            (true, false) => Choice::Except(excluded),
            (false, false) => return Err(ProjectionError::Both),
        };
        let mut projection = Self { choice, ..Self::default() };
        let mut divided = Vec::new();
        let base = catalog.schema(resource_type.schema.as_str()).map(|schema| schema.attributes.as_slice()).unwrap_or_default();
        // A schema that lists a common attribute does not change all of it.
        let common = catalog.common_attributes();
        let listed = common.iter().filter_map(|common| catalog.attribute(resource_type, None, common.name.as_str()));
        let others = base.iter().filter(|attribute| common.iter().all(|common| common.name != attribute.name));
        for attribute in listed.chain(others) {
            let name = || attribute.name.as_str().to_ascii_lowercase();
            match attribute.returned {
                Returned::Never => projection.never.push(name()),
                Returned::Request => projection.on_request.push(name()),
                Returned::Always | Returned::Default if has_always(attribute) => projection.always.push(name()),
                Returned::Always | Returned::Default => {}
            }
            if attribute.sub_attributes.iter().any(has_parts) {
                divided.push(name());
            }
        }
        for extension in &resource_type.schema_extensions {
            let attributes = catalog.schema(extension.schema.as_str()).map(|schema| schema.attributes.as_slice()).unwrap_or_default();
            if attributes.iter().any(has_parts) {
                divided.push(extension.schema.as_str().to_ascii_lowercase());
            }
            if attributes.iter().any(has_always) {
                projection.always.push(extension.schema.as_str().to_ascii_lowercase());
            }
        }
        projection.divided = Some(divided);
        Ok(projection)
    }

    /// This choice, and what the request wrote: an attribute that is returned on request only is part of the answer to a request that
    /// assigned it (R7643-7-12).
    ///
    /// Takes names as [`new`](Self::new) does, such as the members of a POST or the paths of a PATCH without their value filters; those
    /// that cannot be read are left out.
    #[must_use]
    pub fn with_written<'a>(mut self, catalog: &Catalog, resource_type: &ResourceType, written: impl IntoIterator<Item = &'a str>) -> Self {
        self.written = written.into_iter().take(MAX_NAMES).filter_map(|name| target(catalog, resource_type, name).ok()).collect();
        self
    }

    /// Whether a top-level attribute of the base schema, or the extension with this URI, can be part of the response, so that what is
    /// not need not be loaded. Compares without case.
    pub fn includes(&self, attribute: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(attribute));
        if attribute.contains(':') {
            let mut of_extension =
                self.chosen().iter().filter(|target| target.extension.as_deref().is_some_and(|uri| uri.eq_ignore_ascii_case(attribute)));
            return is_in(&self.always)
                || match &self.choice {
                    Choice::Usual => true,
                    Choice::Only(_) => of_extension.next().is_some() || !self.written.is_empty(),
                    Choice::Except(_) => of_extension.all(|target| target.attribute.is_some()),
                };
        }
        let is_written = || self.written.iter().any(|target| target.touches(None, attribute));
        if is_in(&self.never) {
            return false;
        }
        if ["schemas", "id"].iter().any(|name| name.eq_ignore_ascii_case(attribute)) || is_in(&self.always) {
            return true;
        }
        let is_on_request = is_in(&self.on_request);
        match &self.choice {
            Choice::Only(targets) => targets.iter().any(|target| target.touches(None, attribute)) || (is_on_request && is_written()),
            Choice::Except(targets) => {
                let is_excluded = targets.iter().any(|target| target.covers(None, attribute));
                !is_excluded && (!is_on_request || is_written())
            }
            Choice::Usual => !is_on_request || is_written(),
        }
    }

    /// The resource with the chosen attributes only. `schemas` and `id` are part of every response.
    pub fn apply(&self, catalog: &Catalog, resource_type: &ResourceType, mut resource: Resource) -> Resource {
        if self.is_undivided(&resource) {
            let is_left_out = |name: &str| self.never.iter().chain(&self.on_request).any(|other| other.eq_ignore_ascii_case(name));
            let is_extension = |name: &str| resource_type.schema_extensions.iter().any(|extension| extension.schema == *name);
            resource.as_complex_mut().retain(|name, value| match value {
                _ if is_left_out(name) => false,
                Value::Complex(members) => !members.is_empty() || !is_extension(name),
                _ => !is_extension(name),
            });
            return resource;
        }
        let members = resource.into_complex();
        let mut result = Vec::with_capacity(members.len());
        for (name, value) in members.into_members() {
            if name == *"schemas" || name == *"id" {
                result.push((name, value));
                continue;
            }
            let extension = resource_type.schema_extensions.iter().find(|extension| extension.schema == *name.as_str());
            let projected = match (extension, value) {
                (Some(extension), Value::Complex(members)) => {
                    let uri = extension.schema.as_str();
                    let kept = members.into_members().filter_map(|(name, value)| {
                        let attribute = catalog.attribute(resource_type, Some(uri), name.as_str());
                        let value = self.attribute(Some(uri), name.as_str(), attribute, value)?;
                        Some((name, value))
                    });
                    let kept = ComplexValue::from_distinct(kept.collect());
                    (!kept.is_empty()).then_some(Value::Complex(kept))
                }
                (Some(_), _) => None,
                // An extension that the type does not know is kept or left out as a whole.
                (None, value) if name.as_str().contains(':') => {
                    let is_named = self.chosen().iter().any(|target| target.is_in(Some(name.as_str())));
                    (is_named == matches!(self.choice, Choice::Only(_))).then_some(value)
                }
                (None, value) => self.attribute(None, name.as_str(), catalog.attribute(resource_type, None, name.as_str()), value),
            };
            if let Some(value) = projected {
                result.push((name, value));
            }
        }
        Resource::from(ComplexValue::from_distinct(result))
    }

    /// Whether each attribute and extension of the resource is answered as a whole or not at all, whatever it holds.
    fn is_undivided(&self, resource: &Resource) -> bool {
        let Some(divided) = self.divided.as_ref().filter(|_| matches!(self.choice, Choice::Usual) && self.written.is_empty()) else {
            return false;
        };
        !divided.iter().any(|name| resource.get(name).is_some())
    }

    /// What remains of a top-level attribute.
    fn attribute(&self, extension: Option<&str>, name: &str, attribute: Option<&Attribute>, value: Value) -> Option<Value> {
        let returned = attribute.map_or(Returned::Default, |attribute| attribute.returned);
        let has_definitions = attribute.is_some_and(|attribute| !attribute.sub_attributes.is_empty());
        let is_named = self.chosen().iter().any(|target| target.touches(extension, name));
        let is_written = || self.written.iter().any(|target| target.touches(extension, name));
        match returned {
            Returned::Never => return None,
            Returned::Request => {
                let is_asked_for = matches!(self.choice, Choice::Only(_)) && is_named;
                if !is_asked_for && !is_written() {
                    return None;
                }
            }
            Returned::Always | Returned::Default => {}
        }
        // Most attributes are kept or left out as a whole.
        let keeps_all = attribute.is_none_or(|attribute| attribute.sub_attributes.iter().all(|sub| sub.returned == Returned::Default));
        let is_whole = match &self.choice {
            Choice::Usual => true,
            Choice::Only(_) => self.chosen().iter().any(|target| target.covers(extension, name)),
            Choice::Except(_) => !is_named,
        };
        if keeps_all && is_whole {
            return Some(value);
        }
        if !has_definitions {
            let is_kept = match (&self.choice, returned) {
                (Choice::Only(_), Returned::Default) => is_named,
                (Choice::Except(_), Returned::Default | Returned::Request) => !is_named,
                _ => true,
            };
            return is_kept.then_some(value);
        }
        let attribute = attribute?;
        // What is not complex although the schema says so has no parts to choose from.
        let keeps_plain = match &self.choice {
            Choice::Except(targets) => !targets.iter().any(|target| target.covers(extension, name)),
            Choice::Usual | Choice::Only(_) => is_whole,
        };
        let projected = map_complex(&value, keeps_plain, |members| self.sub_attributes(extension, attribute, members, is_whole));
        // AMB-44: the sub-attributes decide; but what is always returned does not vanish.
        if projected.is_none() && returned == Returned::Always {
            return map_complex(&value, true, |members| Self::default().sub_attributes(extension, attribute, members, true));
        }
        projected
    }

    fn sub_attributes(&self, extension: Option<&str>, attribute: &Attribute, members: &ComplexValue, is_whole: bool) -> ComplexValue {
        let mut kept = ComplexValue::new();
        for (name, value) in members.iter() {
            let returned = attribute.sub_attribute(name).map_or(Returned::Default, |sub_attribute| sub_attribute.returned);
            let is_named = |targets: &[Target]| targets.iter().any(|target| target.names_sub(extension, attribute.name.as_str(), name));
            let is_covered = || self.chosen().iter().any(|target| target.covers(extension, attribute.name.as_str()));
            let is_kept = match (returned, &self.choice) {
                (Returned::Always, _) | (Returned::Default, Choice::Usual) => true,
                (Returned::Never, _) => false,
                (Returned::Default, Choice::Only(targets)) => is_whole || is_named(targets),
                (Returned::Default, Choice::Except(targets)) => is_whole || !(is_covered() || is_named(targets)),
                (Returned::Request, Choice::Only(targets)) => is_named(targets) || is_named(&self.written),
                (Returned::Request, _) => is_named(&self.written),
            };
            if is_kept {
                kept.insert(name, value.clone());
            }
        }
        kept
    }

    fn chosen(&self) -> &[Target] {
        match &self.choice {
            Choice::Usual => &[],
            Choice::Only(targets) | Choice::Except(targets) => targets,
        }
    }
}

impl Target {
    fn is_in(&self, extension: Option<&str>) -> bool {
        match (&self.extension, extension) {
            (None, None) => true,
            (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
            _ => false,
        }
    }

    /// Whether the attribute as a whole is meant.
    fn covers(&self, extension: Option<&str>, name: &str) -> bool {
        let is_attribute = self.attribute.as_deref().is_none_or(|attribute| attribute.eq_ignore_ascii_case(name));
        self.is_in(extension) && is_attribute && self.sub_attribute.is_none()
    }

    /// Whether the attribute or a part of it is meant.
    fn touches(&self, extension: Option<&str>, name: &str) -> bool {
        self.is_in(extension) && self.attribute.as_deref().is_none_or(|attribute| attribute.eq_ignore_ascii_case(name))
    }

    /// Whether this very sub-attribute is meant.
    fn names_sub(&self, extension: Option<&str>, name: &str, sub_attribute: &str) -> bool {
        self.sub_attribute.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case(sub_attribute)) && self.touches(extension, name)
    }
}

/// Whether the attribute or a part of it is in every response.
fn has_always(attribute: &Attribute) -> bool {
    attribute.returned == Returned::Always
        || attribute.sub_attributes.iter().any(|sub_attribute| sub_attribute.returned == Returned::Always)
}

/// Whether the attribute, or a part of it, is returned in another way than most are.
fn has_parts(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Default
        || attribute.sub_attributes.iter().any(|sub_attribute| sub_attribute.returned != Returned::Default)
}

/// Applies `keep` to a complex value or to each of a list; `None` if nothing remains.
fn map_complex(value: &Value, keeps_plain: bool, keep: impl Fn(&ComplexValue) -> ComplexValue) -> Option<Value> {
    let one = |value: &Value| {
        let Value::Complex(members) = value else { return keeps_plain.then(|| value.clone()) };
        let kept = keep(members);
        (!kept.is_empty()).then_some(Value::Complex(kept))
    };
    match value {
        Value::List(values) => {
            let kept: Vec<Value> = values.iter().filter_map(one).collect();
            (!kept.is_empty()).then_some(Value::List(kept))
        }
        single => one(single),
    }
}

fn targets(catalog: &Catalog, resource_type: &ResourceType, names: &[String]) -> Result<Vec<Target>, ProjectionError> {
    let names = || names.iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let found = names().count();
    if found > MAX_NAMES {
        return Err(ProjectionError::TooMany { found });
    }
    names().map(|name| target(catalog, resource_type, name)).collect()
}

fn target(catalog: &Catalog, resource_type: &ResourceType, name: &str) -> Result<Target, ProjectionError> {
    let error = || ProjectionError::Name { found: name.chars().take(MAX_SHOWN_NAME).collect() };
    let (schema, rest) = match catalog.split_schema(resource_type, name) {
        Some((schema, rest)) => (Some(&schema.id), rest),
        None if name.contains(':') => {
            // A name of another schema: no attribute of this type, but a name if what follows the last colon of the URI is one.
            let is_name = name.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '[' | ']' | '(' | ')'));
            let unknown = Target { extension: Some(name.to_ascii_lowercase()), attribute: None, sub_attribute: None };
            return if is_name { Ok(unknown) } else { Err(error()) };
        }
        None => (None, name),
    };
    let extension = schema.filter(|uri| **uri != resource_type.schema).map(|uri| uri.as_str().to_ascii_lowercase());
    if rest.is_empty() {
        return Ok(Target { extension, attribute: None, sub_attribute: None });
    }
    let (attribute, sub_attribute) = rest.split_once('.').map_or((rest, None), |(attribute, sub)| (attribute, Some(sub)));
    let read = |name: &str| name.parse::<AttributeName>().map(|name| name.as_str().to_ascii_lowercase()).map_err(|_| error());
    Ok(Target { extension, attribute: Some(read(attribute)?), sub_attribute: sub_attribute.map(read).transpose()? })
}

/// How much of a faulty name is shown.
const MAX_SHOWN_NAME: usize = 100;

#[cfg(test)]
mod tests;
