//! The program `patch`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use scimkit_patch::{Context, DiffOptions, diff};
use scimkit_types::{Dialect, ErrorResponse, PatchOp, Resource};

use crate::execute::{Outcome, execute};
use crate::failure::Failure;
use crate::language::{Language, ResourceKind, read_file, read_resource_file};
use crate::lines::answer_lines;

/// Explains what a PATCH request does to a resource.
///
/// Shows the resource as it is answered afterwards, whether anything changed, which tolerances of the dialect were needed and the operations that `diff`
/// finds between the two. A request that is refused shows the SCIM error and ends with exit code 1, everything else that goes wrong with 2.
#[derive(Clone, Debug, Parser)]
#[command(name = "patch")]
#[command(after_long_help = LINES_HELP)]
pub struct Arguments {
    /// A file with the resource as JSON: a Group if its `schemas` say so, else a User
    #[arg(required_unless_present = "jsonl", requires = "request_file", conflicts_with = "jsonl")]
    pub resource_file: Option<PathBuf>,

    /// A file with the body of the PATCH request
    #[arg(conflicts_with = "jsonl")]
    pub request_file: Option<PathBuf>,

    /// What is tolerated of the client: `strict`, `lenient`, `entra`, `entra-optscim`, `okta`, `aws` or `ringcentral`
    #[arg(long, default_value = "strict")]
    pub dialect: Dialect,

    /// Answer JSON Lines from standard input instead
    #[arg(long)]
    pub jsonl: bool,
}

/// What `--help` says of `--jsonl`.
pub const LINES_HELP: &str = "\
With --jsonl each line of standard input is answered by one line, in order:
  {\"filter\": TEXT}                        {\"ok\": true, \"print\": TEXT}
  {\"path\": TEXT}                          {\"ok\": true, \"print\": TEXT}
  {\"filter\": TEXT, \"resource\": OBJECT}    {\"ok\": true, \"matches\": BOOLEAN}
  {\"resource\": OBJECT, \"request\": JSON}   {\"ok\": true, \"resource\": OBJECT, \"changed\": BOOLEAN, \"tolerances\": [NAME, ...]}
                                         or {\"ok\": false, \"status\": NUMBER, \"scimType\": TEXT, \"detail\": TEXT}
Every line may name its \"dialect\"; any but `strict` is read by the lenient grammar. Other members are ignored.
What cannot be answered is {\"ok\": false, \"error\": {\"kind\": KIND, \"offset\": NUMBER, \"message\": TEXT}}.
KIND is one of input, syntax, limit, unknown-attribute, comparison, sub-attribute-needed, sensitive and meaning.
The offset counts bytes of the UTF-8 text of the filter or path; it is null for kinds other than syntax and limit.
A line may have 16 MiB.";

/// Runs the program and returns its exit code: 1 if the request is refused.
///
/// # Errors
/// A file cannot be read or holds no resource, or the input or output fails.
pub fn run(arguments: &Arguments, input: impl Read, output: &mut dyn Write) -> Result<u8, Failure> {
    match (&arguments.resource_file, &arguments.request_file) {
        (Some(resource), Some(request)) => explain(resource, request, arguments.dialect, output),
        _ => {
            answer_lines(input, output, arguments.dialect)?;
            Ok(0)
        }
    }
}

fn explain(resource: &Path, request: &Path, dialect: Dialect, output: &mut dyn Write) -> Result<u8, Failure> {
    let language = Language::default();
    let current = read_resource_file(resource)?;
    let request = read_file(request)?;
    let code = match execute(&language, dialect, &current, &request) {
        Ok(outcome) => {
            show(&language, dialect, &current, &outcome, output)?;
            0
        }
        Err(error) => {
            refused(&error, output)?;
            1
        }
    };
    output.flush()?;
    Ok(code)
}

fn show(language: &Language, dialect: Dialect, current: &Resource, outcome: &Outcome, output: &mut dyn Write) -> Result<(), Failure> {
    writeln!(output, "result:\n{}", pretty(&outcome.response)?)?;
    writeln!(output, "changed: {}", if outcome.is_changed { "yes" } else { "no" })?;
    let tolerances: Vec<&str> = outcome.tolerances.iter().map(|tolerance| tolerance.name()).collect();
    writeln!(output, "tolerances: {}", if tolerances.is_empty() { "none".to_owned() } else { tolerances.join(", ") })?;

    let resource_type = language.resource_type(ResourceKind::of(current));
    let context = Context::new(language.catalog(), resource_type).with_dialect(dialect);
    match diff(current, &outcome.resource, &context, &DiffOptions::default()) {
        Ok(operations) if operations.is_empty() => writeln!(output, "operations by diff: none")?,
        Ok(operations) => writeln!(output, "operations by diff:\n{}", pretty(&PatchOp::new(operations).to_json())?)?,
        Err(error) => writeln!(output, "operations by diff: none, as {error}")?,
    }
    Ok(())
}

fn refused(error: &ErrorResponse, output: &mut dyn Write) -> std::io::Result<()> {
    writeln!(output, "status: {}", error.status)?;
    if let Some(scim_type) = error.scim_type {
        writeln!(output, "scimType: {scim_type}")?;
    }
    writeln!(output, "detail: {}", error.detail)
}

fn pretty(value: &impl serde::Serialize) -> std::io::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ola", "password": "old-secret"}"#;

    /// Runs the program on a resource and the operations of a request.
    fn patch(resource: &str, operations: &str, dialect: &str) -> (u8, String) {
        let folder = tempfile::tempdir().unwrap();
        let (resource_file, request_file) = (folder.path().join("resource.json"), folder.path().join("request.json"));
        std::fs::write(&resource_file, resource).unwrap();
        let request = format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#);
        std::fs::write(&request_file, request).unwrap();
        let arguments = [Path::new("patch"), &resource_file, &request_file, Path::new("--dialect"), Path::new(dialect)];
        let mut output = Vec::new();
        let code = run(&Arguments::try_parse_from(arguments).unwrap(), std::io::empty(), &mut output).unwrap();
        (code, String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_change_is_shown_with_tolerances_and_operations() {
        let (code, text) = patch(USER, r#"[{"op": "replace", "path": "active", "value": "False"}]"#, "entra");
        assert_eq!(code, 0);
        assert!(text.contains("\"active\": false\n}\nchanged: yes\ntolerances: string-booleans\noperations by diff:\n{"), "{text}");
        assert!(text.contains("\"op\": \"replace\""), "{text}");
        assert!(!text.contains("old-secret"), "{text}");
    }

    #[test]
    fn no_change_needs_no_operations() {
        let (code, text) = patch(USER, r#"[{"op": "replace", "path": "userName", "value": "ola"}]"#, "strict");
        assert_eq!(code, 0);
        assert!(text.ends_with("changed: no\ntolerances: none\noperations by diff: none\n"), "{text}");
    }

    #[test]
    fn a_refusal_is_the_error_of_a_service_provider() {
        let (code, text) = patch(USER, r#"[{"op": "remove", "path": "userName"}]"#, "strict");
        assert_eq!(code, 1);
        assert_eq!(text, "status: 400\nscimType: mutability\ndetail: operation 0 removes `userName`, which is required\n");
        let (code, text) = patch(USER, "1]", "strict");
        assert_eq!(code, 1);
        assert!(text.contains("scimType: invalidSyntax"), "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.json");
        std::fs::write(&list, "[]").unwrap();
        for (resource, expected) in [(folder.path().join("none.json"), "cannot be read"), (list, "expected a resource")] {
            let arguments = [Path::new("patch"), &resource, Path::new("request.json")];
            let failure = run(&Arguments::try_parse_from(arguments).unwrap(), std::io::empty(), &mut Vec::new()).unwrap_err();
            assert!(failure.to_string().contains(expected), "{failure}");
            assert!(failure.to_string().contains(&resource.display().to_string()), "{failure}");
        }
    }

    #[test]
    fn arguments_exclude_each_other() {
        for wrong in [&["patch"][..], &["patch", "a"], &["patch", "--jsonl", "a", "b"], &["patch", "a", "b", "--dialect", "none"]] {
            assert!(Arguments::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn lines_are_answered_in_the_dialect_of_the_arguments() {
        let arguments = Arguments::try_parse_from(["patch", "--jsonl", "--dialect", "lenient"]).unwrap();
        let mut output = Vec::new();
        assert_eq!(run(&arguments, &br#"{"filter": "title  pr"}"#[..], &mut output).unwrap(), 0);
        assert_eq!(output, b"{\"ok\":true,\"print\":\"title pr\"}\n");
    }
}
