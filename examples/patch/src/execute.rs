//! A PATCH request the way a service provider executes it.

use std::error::Error;

use scimkit_patch::{Context, PatchError, apply};
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{Dialect, ErrorResponse, PatchOp, Projection, Resource, ScimType, Tolerance, Violation};

use crate::language::{Language, ResourceKind};

/// A resource after a PATCH request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The resource as it is to be stored; as it was if nothing changed.
    pub resource: Resource,
    /// The resource as it is answered: without what is never returned, such as a password.
    pub response: Resource,
    /// Whether anything changed.
    pub is_changed: bool,
    /// Which deviations of the dialect occurred, each once.
    pub tolerances: Vec<Tolerance>,
}

/// Executes the body of a PATCH request on a resource: reads it, applies it, and checks that the result is a resource of its type.
///
/// A request that changes nothing leaves the resource as it is and does not check it, as a service provider does.
///
/// # Errors
/// The [`ErrorResponse`] that a service provider answers.
pub fn execute(language: &Language, dialect: Dialect, current: &Resource, request: &[u8]) -> Result<Outcome, ErrorResponse> {
    let syntax = |detail: String| ErrorResponse::of(ScimType::InvalidSyntax, detail);
    let body = serde_json::from_slice(request).map_err(|error| syntax(format!("expected JSON in UTF-8: {error}")))?;
    let request = PatchOp::from_json(body).map_err(|error| syntax(error.to_string()))?;

    let resource_type = language.resource_type(ResourceKind::of(current));
    let context = Context::new(language.catalog(), resource_type).with_dialect(dialect);
    let applied = apply(current, &request, &context).map_err(|error| refuse(&error))?;
    let mut tolerances = applied.tolerances;
    let response = |resource: &Resource| Projection::default().apply(language.catalog(), resource_type, resource.clone());
    if !applied.is_changed {
        return Ok(Outcome { resource: current.clone(), response: response(current), is_changed: false, tolerances });
    }
    let mut policy = Policy::default();
    policy.dialect = dialect;
    let accepted = accept(language.catalog(), resource_type, &applied.resource, Operation::Patch { current }, &policy)
        .map_err(|violations| invalid(&violations))?;
    for tolerance in accepted.tolerances {
        if !tolerances.contains(&tolerance) {
            tolerances.push(tolerance);
        }
    }
    Ok(Outcome { response: response(&accepted.resource), resource: accepted.resource, is_changed: true, tolerances })
}

/// The error with its cause: where a path cannot be read, the cause says why.
fn refuse(error: &PatchError) -> ErrorResponse {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    ErrorResponse::of(error.scim_type(), format!("{error}{cause}"))
}

/// How many violations an error names.
const NAMED_VIOLATIONS: usize = 20;

fn invalid(violations: &[Violation]) -> ErrorResponse {
    let mut named: Vec<String> = violations.iter().take(NAMED_VIOLATIONS).map(ToString::to_string).collect();
    if violations.len() > NAMED_VIOLATIONS {
        named.push("and more".to_owned());
    }
    ErrorResponse::of(violations.first().map_or(ScimType::InvalidValue, |violation| violation.scim_type), named.join("; "))
}
