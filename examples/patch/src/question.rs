//! The question of one line.

use scimkit_filter::{Filter, PatchPath};
use scimkit_types::{Dialect, Resource};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, Fault};
use crate::execute::execute;
use crate::language::{Language, ResourceKind};

/// The members of a line, each read when it is known what it is for. Other members are left alone.
#[derive(Debug, Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    filter: Option<&'a RawValue>,
    #[serde(borrow)]
    path: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    dialect: Option<&'a RawValue>,
}

/// Answers one line; a dialect that it names goes before the one given.
pub(crate) fn answer(language: &Language, dialect: Dialect, line: Option<&[u8]>) -> Answer {
    answer_or_fault(language, dialect, line).unwrap_or_else(Answer::from)
}

fn answer_or_fault(language: &Language, dialect: Dialect, line: Option<&[u8]>) -> Result<Answer, Fault> {
    let line = scimkit_example_command::object(line).map_err(Fault::input)?;
    let members: Members<'_> = serde_json::from_str(line).map_err(|error| Fault::input(format!("expected a JSON object: {error}")))?;
    let dialect = match members.dialect {
        Some(name) => {
            text(name, "dialect")?.parse().map_err(|error: scimkit_types::dialect::DialectError| Fault::input(error.to_string()))?
        }
        None => dialect,
    };
    match members {
        Members { filter: Some(filter), path: None, resource: None, request: None, .. } => {
            let filter = Filter::parse_with(&text(filter, "filter")?, &language.parse_options(dialect))?;
            Ok(Answer::Print { ok: true, print: filter.to_string() })
        }
        Members { path: Some(path), filter: None, resource: None, request: None, .. } => {
            let path = PatchPath::parse_with(&text(path, "path")?, &language.parse_options(dialect))?;
            Ok(Answer::Print { ok: true, print: path.to_string() })
        }
        Members { filter: Some(filter), resource: Some(resource), path: None, request: None, .. } => {
            let (filter, resource) = (text(filter, "filter")?, read_resource(resource)?);
            let filter = Filter::parse_with(&filter, &language.parse_options(dialect))?;
            let resource_type = language.resource_type(ResourceKind::of(&resource));
            let filter = filter.resolve(language.catalog(), resource_type, dialect)?;
            Ok(Answer::Matches { ok: true, matches: filter.matches(&resource) })
        }
        Members { resource: Some(resource), request: Some(request), filter: None, path: None, .. } => {
            let resource = read_resource(resource)?;
            Ok(match execute(language, dialect, &resource, request.get().as_bytes()) {
                Ok(outcome) => Answer::Patched {
                    ok: true,
                    resource: outcome.response,
                    changed: outcome.is_changed,
                    tolerances: outcome.tolerances.into_iter().map(scimkit_types::Tolerance::name).collect(),
                },
                Err(error) => error.into(),
            })
        }
        _ => Err(Fault::input("expected `filter`, `path`, `filter` and `resource`, or `resource` and `request`")),
    }
}

fn text(member: &RawValue, name: &str) -> Result<String, Fault> {
    if !member.get().starts_with('"') {
        return Err(Fault::input(format!("expected text as `{name}`")));
    }
    serde_json::from_str(member.get()).map_err(|error| Fault::input(format!("expected text as `{name}`: {error}")))
}

fn read_resource(member: &RawValue) -> Result<Resource, Fault> {
    if !member.get().starts_with('{') {
        return Err(Fault::input("expected an object as `resource`"));
    }
    serde_json::from_str(member.get()).map_err(|error| Fault::input(format!("expected an object as `resource`: {error}")))
}
