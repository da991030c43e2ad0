//! The program `filter`.

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::Parser;
use scimkit_example_patch::{Failure, LINES_HELP, Language, ResourceKind, answer_lines, read_resource_file};
use scimkit_filter::{Filter, PatchPath};
use scimkit_types::Dialect;

use crate::resolved::{self, Resolved};
use crate::tree::{PathTree, Tree};

/// Explains a SCIM filter or the path of a PATCH operation.
///
/// Shows the tree, the shortest text of the same meaning, what it stands for in a resource type, and whether a resource matches.
/// A fault is drawn on standard error and ends with exit code 2.
#[derive(Clone, Debug, Parser)]
#[command(name = "filter")]
#[command(after_long_help = LINES_HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["filter", "path", "jsonl"]))]
pub struct Arguments {
    /// A filter such as `userName eq "bjensen" and active eq true`
    pub filter: Option<String>,

    /// A PATCH path such as `emails[type eq "work"].value` instead of a filter
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,

    /// Answer JSON Lines from standard input instead
    #[arg(long)]
    pub jsonl: bool,

    /// The resource type; by default that of the resource, else User
    #[arg(long = "type", value_name = "TYPE", ignore_case = true, conflicts_with = "jsonl")]
    pub resource_type: Option<ResourceKind>,

    /// A file with a resource as JSON, to tell whether the filter matches it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "jsonl"])]
    pub resource: Option<PathBuf>,

    /// What is tolerated of the client: `strict`, `lenient`, `entra`, `entra-optscim`, `okta`, `aws` or `ringcentral`
    #[arg(long, default_value = "strict")]
    pub dialect: Dialect,
}

/// Runs the program and returns its exit code, 0.
///
/// # Errors
/// The filter or path is at fault, the file cannot be read or holds no resource, or the input or output fails.
pub fn run(arguments: &Arguments, input: impl Read, output: &mut dyn Write) -> Result<u8, Failure> {
    match (&arguments.filter, &arguments.path) {
        (Some(filter), _) => explain_filter(filter, arguments, output)?,
        (None, Some(path)) => explain_path(path, arguments, output)?,
        (None, None) => answer_lines(input, output, arguments.dialect)?,
    }
    output.flush()?;
    Ok(0)
}

fn explain_filter(text: &str, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let language = Language::default();
    let filter = Filter::parse_with(text, &language.parse_options(arguments.dialect))?;
    let resource = arguments.resource.as_deref().map(read_resource_file).transpose()?;
    write!(output, "tree:\n{}shortest: {filter}\n", Tree(&filter))?;

    let kind = arguments.resource_type.or_else(|| resource.as_ref().map(ResourceKind::of)).unwrap_or(ResourceKind::User);
    let resource_type = language.resource_type(kind);
    let resolved = filter.resolve(language.catalog(), resource_type, arguments.dialect)?;
    write!(output, "in a {}:\n{}", resource_type.name, Resolved(resolved.root()))?;
    if let Some(resource) = resource {
        writeln!(output, "matches: {}", if resolved.matches(&resource) { "yes" } else { "no" })?;
    }
    Ok(())
}

fn explain_path(text: &str, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let language = Language::default();
    let path = PatchPath::parse_with(text, &language.parse_options(arguments.dialect))?;
    write!(output, "tree:\n{}shortest: {path}\n", PathTree(&path))?;

    let resource_type = language.resource_type(arguments.resource_type.unwrap_or(ResourceKind::User));
    let resolved = resolved::path(&path, language.catalog(), resource_type, arguments.dialect)?;
    write!(output, "in a {}:\n{resolved}", resource_type.name)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_explain(arguments: &[&str]) -> Result<String, Failure> {
        let arguments = Arguments::try_parse_from(std::iter::once(&"filter").chain(arguments)).unwrap();
        let mut output = Vec::new();
        assert_eq!(run(&arguments, std::io::empty(), &mut output)?, 0);
        Ok(String::from_utf8(output).unwrap())
    }

    #[track_caller]
    fn check(arguments: &[&str], expected: &[&str]) {
        assert_eq!(try_explain(arguments).unwrap().lines().collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    fn check_failure(arguments: &[&str], expected: &str) {
        assert_eq!(try_explain(arguments).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_filter_is_explained() {
        check(
            &[r#"(userName eq "Ola") and (not (active eq true) or emails[value ew ".org"])"#],
            &[
                "tree:",
                "  and",
                "    compare userName eq \"Ola\"",
                "    or",
                "      not",
                "        compare active eq true",
                "      elements of emails",
                "        compare value ew \".org\"",
                "shortest: userName eq \"Ola\" and (not (active eq true) or emails[value ew \".org\"])",
                "in a User:",
                "  all of",
                "    userName (string, any case) eq \"Ola\", compared as \"ola\"",
                "    any of",
                "      not",
                "        active (boolean) eq true",
                "      an element of emails (complex, any value) where",
                "        value (string, any case) ew \".org\"",
            ],
        );
        check(
            &["members.value pr", "--type", "group"],
            &[
                "tree:",
                "  present members.value",
                "shortest: members.value pr",
                "in a Group:",
                "  members.value (string, case exact, any value) has a value",
            ],
        );
        check(
            &["nope  eq null", "--dialect", "lenient"],
            &["tree:", "  compare nope eq null", "shortest: nope eq null", "in a User:", "  always"],
        );
    }

    #[test]
    fn a_path_is_explained() {
        check(
            &["--path", r#"emails[(type eq "work")].value"#],
            &[
                "tree:",
                "  elements of emails",
                "    compare type eq \"work\"",
                "    sub-attribute value",
                "shortest: emails[type eq \"work\"].value",
                "in a User:",
                "  an element of emails (complex, any value) where",
                "    type (string, any case) eq \"work\"",
                "  of each emails.value (string, any case, any value)",
            ],
        );
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert!(try_explain(&["--path", extension]).unwrap().ends_with(&format!("  all attributes of the extension {extension}\n")));
        assert!(try_explain(&["--path", "NAME.familyname"]).unwrap().ends_with("  name.familyName (string, any case)\n"));
    }

    #[test]
    fn a_resource_matches_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("group.json");
        let group = serde_json::json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Guides"});
        std::fs::write(&file, group.to_string()).unwrap();
        let file = file.to_str().unwrap();
        assert!(try_explain(&["displayName sw \"gui\"", "--resource", file]).unwrap().ends_with("matches: yes\n"));
        assert!(try_explain(&["members pr", "--resource", file]).unwrap().ends_with("matches: no\n"));
        check_failure(&["userName pr", "--resource", file], "`userName` is not an attribute of `Group`");
        assert!(try_explain(&["title pr", "--resource", "no-such-file"]).unwrap_err().to_string().contains("no-such-file"));
    }

    #[test]
    fn faults_are_drawn_or_named() {
        let long = "a pr and ".repeat(100);
        check_failure(&[&long], "expected an attribute name such as `userName`, found the end, at byte 900");
        check_failure(&["userName px 1"], "expected an operator such as `eq` or `pr`, found `px`\nuserName px 1\n         ^^");
        check_failure(&["active gt true"], "`active` cannot be compared by `gt` with a boolean");
        assert!(try_explain(&["--path", "emails["]).unwrap_err().to_string().ends_with("\nemails[\n       ^"));
        check_failure(&["--path", "emails[type pr].nope"], "`emails.nope` is not an attribute of `User`");
        check_failure(&["--path", "urn:example:none", "--type", "Group"], "`urn:example:none` is not an attribute of `Group`");
        check_failure(&["--path", "name[familyName pr]"], "`name` is not multi-valued, so that the path cannot have a filter on it");
    }

    #[test]
    fn arguments_exclude_each_other() {
        for wrong in
            [&[][..], &["a pr", "--path", "a"], &["a pr", "--jsonl"], &["--path", "a", "--resource", "b"], &["a pr", "--type", "Device"]]
        {
            assert!(Arguments::try_parse_from(std::iter::once(&"filter").chain(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn lines_are_answered() {
        let arguments = Arguments::try_parse_from(["filter", "--jsonl"]).unwrap();
        let mut output = Vec::new();
        run(&arguments, &b"{\"path\": \"a\"}\nbad\n"[..], &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert!(
            output.starts_with("{\"ok\":true,\"print\":\"a\"}\n{\"ok\":false,\"error\":{\"kind\":\"input\",\"offset\":null,"),
            "{output}"
        );
    }

    /// The answers to JSON Lines, one each.
    fn answers(lines: &[serde_json::Value], dialect: &str) -> Vec<serde_json::Value> {
        let arguments = Arguments::try_parse_from(["filter", "--jsonl", "--dialect", dialect]).unwrap();
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut output = Vec::new();
        assert_eq!(run(&arguments, input.as_bytes(), &mut output).unwrap(), 0);
        let answers: Vec<_> = String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), lines.len());
        answers
    }

    /// Every form in every dialect, named by the line or by the argument, right and wrong.
    #[test]
    fn every_form_is_answered_in_every_dialect() {
        use serde_json::json;
        const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
        const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
        let user = json!({"schemas": [USER], "userName": "kari", "emails": [{"type": "work", "value": "kari@example.com"}]});
        let group = json!({"schemas": [GROUP], "displayName": "Guides"});
        let replace = |path: &str| {
            let operation = json!({"op": "replace", "path": path, "value": "Guide"});
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
        };
        let syntax = |expected: &str, offset: u64| json!({"ok": false, "error": {"kind": "syntax", "offset": offset, "message": expected}});
        let right = [
            (json!({"filter": "(title  pr)"}), None),
            (json!({"filter": "(title pr)"}), Some(json!({"ok": true, "print": "title pr"}))),
            (json!({"path": "emails[(type eq \"work\")].value"}), Some(json!({"ok": true, "print": "emails[type eq \"work\"].value"}))),
            (json!({"filter": "emails[type eq \"WORK\"]", "resource": user}), Some(json!({"ok": true, "matches": true}))),
            (json!({"filter": "displayName sw \"x\"", "resource": group}), Some(json!({"ok": true, "matches": false}))),
            // Without `schemas`, a User.
            (json!({"filter": "userName eq \"KARI\"", "resource": {"userName": "kari"}}), Some(json!({"ok": true, "matches": true}))),
            (json!({"filter": "title px"}), Some(syntax("expected an operator such as `eq` or `pr`, found `px`", 6))),
            (json!({"path": "emails["}), Some(syntax("expected an attribute name such as `userName`, found the end", 7))),
        ];
        let wrong =
            [json!([]), json!("title pr"), json!({}), json!({"filter": 1}), json!({"path": null}), json!({"filter": "a pr", "path": "a"})];
        for dialect in ["strict", "lenient", "entra", "entra-optscim", "okta", "aws", "ringcentral"] {
            let mut lines: Vec<_> = right.iter().map(|(line, _)| line.clone()).collect();
            lines.push(json!({"resource": user, "request": replace("title")}));
            lines.push(json!({"resource": user, "request": replace("emails[type px 1]")}));
            lines.extend(wrong.iter().cloned());
            let by_argument = answers(&lines, dialect);
            let named: Vec<_> = lines
                .iter()
                .map(|line| {
                    let mut line = line.clone();
                    if let Some(line) = line.as_object_mut() {
                        line.insert("dialect".to_owned(), json!(dialect));
                    }
                    line
                })
                .collect();
            assert_eq!(answers(&named, "strict"), by_argument, "{dialect}");

            // Services that are written to send no filters, so that their dialects tolerate nothing in one.
            assert_eq!(by_argument[0]["ok"], !["strict", "aws", "ringcentral"].contains(&dialect), "{dialect}");
            for ((line, expected), answer) in right.iter().zip(&by_argument) {
                assert!(expected.as_ref().is_none_or(|expected| expected == answer), "{dialect} {line} {answer}");
            }
            let patched = &by_argument[right.len()];
            assert_eq!((&patched["ok"], &patched["resource"]["title"], &patched["changed"]), (&json!(true), &json!("Guide"), &json!(true)));
            let refused = &by_argument[right.len() + 1];
            assert_eq!((&refused["ok"], &refused["status"], &refused["scimType"]), (&json!(false), &json!(400), &json!("invalidFilter")));
            for (line, answer) in wrong.iter().zip(&by_argument[right.len() + 2..]) {
                assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!("input")), "{dialect} {line} {answer}");
            }
        }
        for answer in answers(&[json!({"filter": "a pr", "dialect": "loose"}), json!({"path": "a", "dialect": 1})], "strict") {
            assert_eq!((&answer["ok"], &answer["error"]["kind"]), (&json!(false), &json!("input")), "{answer}");
        }
    }
}
