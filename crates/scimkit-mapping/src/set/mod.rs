//! A set of mappings, made ready for one resource type.

mod check;
mod compile;
mod evaluate;
mod fit;
mod managed;
mod trace;

use scimkit_filter::AttributePath;
use scimkit_types::SchemaUri;
use scimkit_types::value::MemberName;

pub use evaluate::{Desired, DesiredReference};
pub use fit::{ResultType, ValueKind};
pub use trace::{Trace, TraceOutcome};

use crate::expression::Expression;
use crate::record::SourceRecord;
use crate::schema::{FlowType, NullPolicy, ObjectFlow};
use crate::scope::{Scope, ScopeDecision, ScopeReport};
use crate::target::Target;
use crate::values::Values;

/// The mappings of one kind of object to one resource type, with their scoping filter, made ready to evaluate.
///
/// Expressions are parsed, regular expressions compiled and target attributes found when the set is compiled, so that evaluation
/// looks nothing up.
///
/// ```
/// use scimkit_mapping::{AttributeMapping, Environment, MappingSet, ObjectMapping, Operation, SourceRecord};
/// use scimkit_types::{Catalog, schema};
///
/// let mut mapping = ObjectMapping::new("User", schema::USER);
/// mapping.attribute_mappings = vec![
///     AttributeMapping::new("userName", "ToLower([mail])").matching(1),
///     AttributeMapping::new("active", "Not([IsSoftDeleted])"),
///     AttributeMapping::new(r#"emails[type eq "work"].value"#, "[mail]"),
/// ];
/// let catalog = Catalog::standard();
/// let user = catalog.resource_type("User").ok_or("no such resource type")?;
/// let set = MappingSet::compile(&mapping, &catalog, user).map_err(|faults| faults[0].to_string())?;
///
/// let mut record = SourceRecord::new("7", "User");
/// record.attributes.insert("mail", "Ola@example.com");
/// let environment = Environment::new("2026-03-01T08:00:00Z".parse()?);
/// let desired = set.evaluate(&record, &environment, Operation::Create)?;
/// assert_eq!(
///     serde_json::to_value(&desired.resource)?,
///     serde_json::json!({
///         "schemas": [schema::USER], "userName": "ola@example.com", "active": true,
///         "emails": [{"type": "work", "value": "Ola@example.com"}],
///     }),
/// );
/// assert_eq!(desired.matching, [(0, "ola@example.com".to_owned())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MappingSet {
    object_type: String,
    resource_type: String,
    schema: SchemaUri,
    flows: Vec<ObjectFlow>,
    scope: Scope,
    mappings: Vec<Mapping>,
    matching: Vec<MatchingAttribute>,
    /// The extensions that mappings have targets in, each once.
    extensions: Vec<SchemaUri>,
    /// The attributes that mappings have targets in, each once.
    slots: Vec<Slot>,
}

/// A target attribute by which an object of the source is found in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MatchingAttribute {
    /// The lowest number is asked first.
    pub precedence: u32,
    /// The target attribute, such as `userName`.
    pub target: String,
    /// The attribute to filter on; `emails.value` for `emails[type eq "work"].value`.
    pub filter_path: AttributePath,
}

/// An attribute of the target that one or more mappings write.
#[derive(Clone, Debug)]
struct Slot {
    name: MemberName,
    /// The index among the extensions; `None` for the base schema.
    extension: Option<usize>,
}

/// One mapping, ready to evaluate.
#[derive(Clone, Debug)]
struct Mapping {
    /// The place among the attribute mappings of the document.
    index: usize,
    target: Target,
    source: Source,
    /// The converted values for a new object when the source gives none.
    default: Values,
    flow_type: FlowType,
    null_policy: NullPolicy,
    precedence: u32,
    /// The index of the attribute among the slots.
    slot: usize,
    /// The index among the matching attributes.
    matching_index: Option<usize>,
    /// Whether the value must not be shown.
    is_redacted: bool,
    /// Whether the value is chosen once, when the object is created.
    is_chosen_once: bool,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
enum Source {
    Expression(Expression),
    /// The objects that the record refers to under this name.
    Reference(String),
    /// Nothing: only the default applies.
    Default,
}

impl Mapping {
    /// How faults name the mapping.
    fn place(&self) -> String {
        place(&self.target.text)
    }
}

fn place(target: &str) -> String {
    format!("attribute mapping `{target}`")
}

impl MappingSet {
    /// The kind of source object, such as `User`.
    pub fn object_type(&self) -> &str {
        &self.object_type
    }

    /// The name of the resource type.
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The source attributes that mappings and the scoping filter read, each once, without references and what is computed
    /// (`IsSoftDeleted`, `appRoleAssignments`).
    ///
    /// Names stand as the mappings have them; [`graph_name`](crate::graph_name) gives those of Microsoft Graph.
    pub fn source_attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let expressions = self.mappings.iter().filter_map(|mapping| match &mapping.source {
            Source::Expression(expression) => Some(expression.attributes()),
            Source::Reference(_) | Source::Default => None,
        });
        for name in expressions.flatten().chain(self.scope.attributes()) {
            if !is_computed(name) && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name);
            }
        }
        names
    }

    /// The source references that mappings read, such as `manager`, each once.
    pub fn reference_attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for mapping in &self.mappings {
            if let Source::Reference(name) = &mapping.source
                && !names.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                names.push(name);
            }
        }
        names
    }

    /// Whether a mapping writes a list of references, such as `members`.
    pub fn has_reference_lists(&self) -> bool {
        self.mappings.iter().any(|mapping| matches!(mapping.source, Source::Reference(_)) && !mapping.target.is_single())
    }

    /// The target attributes, as the mappings name them.
    pub fn target_attributes(&self) -> Vec<&str> {
        self.mappings.iter().map(|mapping| mapping.target.text.as_str()).collect()
    }

    /// The target attributes whose values must not be shown, as the mappings name them.
    pub fn redacted_attributes(&self) -> impl Iterator<Item = &str> {
        self.mappings.iter().filter(|mapping| mapping.is_redacted).map(|mapping| mapping.target.text.as_str())
    }

    /// The source attributes from which values come that must not be shown, as the mappings name them; one that several of them read
    /// comes several times.
    pub fn redacted_source_attributes(&self) -> impl Iterator<Item = &str> {
        self.mappings.iter().filter(|mapping| mapping.is_redacted).flat_map(|mapping| match &mapping.source {
            Source::Expression(expression) => expression.attributes(),
            Source::Reference(_) | Source::Default => Vec::new(),
        })
    }

    /// The matching attributes by precedence.
    pub fn matching(&self) -> &[MatchingAttribute] {
        &self.matching
    }

    /// Whether an object is in scope by its attributes.
    pub fn scope(&self, record: &SourceRecord) -> ScopeDecision {
        self.scope.decide(record)
    }

    /// Why an object is in scope by its attributes, or why not: every clause, and whether it holds.
    pub fn explain_scope(&self, record: &SourceRecord) -> ScopeReport {
        self.scope.explain(record)
    }

    /// Whether this operation may reach the target. A disabled mapping allows none.
    pub fn allows(&self, flow: ObjectFlow) -> bool {
        self.flows.contains(&flow)
    }
}

/// Whether a source attribute is computed and not read from the source.
fn is_computed(name: &str) -> bool {
    ["IsSoftDeleted", "appRoleAssignments"].iter().any(|computed| computed.eq_ignore_ascii_case(name))
}
