//! JSON Lines in, JSON Lines out.

use std::io::{self, Read, Write};

use scimkit_types::Dialect;

use crate::language::Language;
use crate::question;

/// Answers each line of the input by one line, in order, until the input ends; a bad line has an error as its answer.
///
/// What has been answered is written before more input is waited for. A line that names no dialect has the one given.
///
/// # Errors
/// The input cannot be read or the output not be written.
pub fn answer_lines(input: impl Read, output: &mut dyn Write, dialect: Dialect) -> io::Result<()> {
    let language = Language::default();
    scimkit_example_command::answer_lines(input, output, |line| question::answer(&language, dialect, line))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        answer_lines(input, &mut output, Dialect::STRICT).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    fn answer(question: &Value) -> Value {
        let answers = answers(question.to_string().as_bytes());
        assert_eq!(answers.len(), 1);
        answers.into_iter().next().unwrap()
    }

    /// Checks that a line is answered by an error of a kind, and where.
    #[track_caller]
    fn check_fault(line: &[u8], kind: &str, offset: Option<usize>) {
        let answers = answers(line);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["ok"], false);
        let error = &answers[0]["error"];
        assert_eq!((&error["kind"], &error["offset"]), (&json!(kind), &json!(offset)), "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }

    fn user() -> Value {
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "ola", "active": true})
    }

    fn group() -> Value {
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Guides", "members": [{"value": "1"}]})
    }

    fn request(operations: &Value) -> Value {
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
    }

    #[test]
    fn filters_and_paths_are_printed_short() {
        assert_eq!(answer(&json!({"filter": "((a eq 1) and b pr)", "id": 7})), json!({"ok": true, "print": "a eq 1 and b pr"}));
        assert_eq!(
            answer(&json!({"path": "emails[(type eq \"work\")].value"})),
            json!({"ok": true, "print": "emails[type eq \"work\"].value"})
        );
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(answer(&json!({"path": extension})), json!({"ok": true, "print": extension}));
    }

    #[test]
    fn a_filter_is_matched_in_the_type_of_the_resource() {
        let matches = |filter: &str, resource: Value| answer(&json!({"filter": filter, "resource": resource}))["matches"].clone();
        assert_eq!(matches("userName eq \"OLA\"", user()), json!(true));
        assert_eq!(matches("active eq false", user()), json!(false));
        assert_eq!(matches("members.value eq \"1\"", group()), json!(true));
        assert_eq!(matches("userName pr", json!({"userName": "x"})), json!(true));
    }

    #[test]
    fn a_patch_is_answered_by_its_result() {
        let question = json!({"resource": user(), "request": request(&json!([{"op": "replace", "path": "title", "value": "Guide"}]))});
        let mut expected = user();
        expected["title"] = json!("Guide");
        assert_eq!(answer(&question), json!({"ok": true, "resource": expected, "changed": true, "tolerances": []}));

        let nothing = json!({"resource": user(), "request": request(&json!([{"op": "add", "path": "active", "value": true}]))});
        assert_eq!(answer(&nothing), json!({"ok": true, "resource": user(), "changed": false, "tolerances": []}));

        let removal = json!([{"op": "remove", "path": "members[value eq \"1\"]"}]);
        assert_eq!(answer(&json!({"resource": group(), "request": request(&removal)}))["resource"].get("members"), None);
    }

    #[test]
    fn a_dialect_chooses_grammar_and_tolerances() {
        assert_eq!(answer(&json!({"filter": "title  pr"}))["ok"], false);
        for dialect in ["lenient", "entra", "entra-optscim", "okta"] {
            assert_eq!(answer(&json!({"filter": "title  pr", "dialect": dialect}))["ok"], true, "{dialect}");
        }
        let question = |dialect: &str| {
            let operations = json!([{"op": "Replace", "path": "active", "value": "False"}]);
            answer(&json!({"resource": user(), "request": request(&operations), "dialect": dialect}))
        };
        assert_eq!(question("entra")["tolerances"], json!(["string-booleans"]));
        assert_eq!(question("strict")["scimType"], "invalidValue");
        check_fault(br#"{"filter": "title pr", "dialect": "loose"}"#, "input", None);
        check_fault(br#"{"filter": "title pr", "dialect": 1}"#, "input", None);
    }

    /// Every form in every dialect; and what each dialect of a peer understands beyond the standard, with the tolerance that it needs.
    #[test]
    fn every_form_is_answered_in_every_dialect() {
        const DIALECTS: [&str; 7] = ["strict", "lenient", "entra", "entra-optscim", "okta", "aws", "ringcentral"];
        let plain = request(&json!([{"op": "replace", "path": "title", "value": "Guide"}]));
        let forms = [
            json!({"filter": "title pr"}),
            json!({"path": "emails[type eq \"work\"].value"}),
            json!({"filter": "title pr", "resource": user()}),
            json!({"resource": user(), "request": plain}),
        ];
        let ask = |mut form: Value, dialect: &str| {
            form["dialect"] = json!(dialect);
            answer(&form)
        };
        for dialect in DIALECTS {
            for form in &forms {
                assert_eq!(ask(form.clone(), dialect)["ok"], true, "{dialect} {form}");
            }
            assert_eq!(ask(json!({"resource": user(), "request": request(&json!([{"op": "remove"}]))}), dialect)["scimType"], "noTarget");
            assert_eq!(ask(json!({"filter": "title px"}), dialect)["error"]["kind"], "syntax");
        }
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
        for (resource, operations, tolerance, understood_by) in [
            (user(), json!([{"op": "replace", "path": "active", "value": "False"}]), "string-booleans", &DIALECTS[1..3]),
            (user(), json!([{"op": "add", "path": manager, "value": "1"}]), "string-for-complex", &DIALECTS[1..3]),
            (user(), json!([{"op": "add", "value": {"name.familyName": "N"}}]), "dotted-keys", &DIALECTS[1..4]),
            (group(), json!([{"op": "remove", "path": "members", "value": [{"value": "1"}]}]), "remove-by-value", &DIALECTS[1..3]),
            (
                user(),
                json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": "a"}]),
                "create-filtered-element",
                &DIALECTS[1..4],
            ),
            (user(), json!([{"op": "replace", "value": {"id": "1", "title": "T"}}]), "ignore-read-only", &DIALECTS[1..5]),
            (user(), json!([]), "empty-operations", &DIALECTS[1..4]),
        ] {
            for dialect in DIALECTS {
                let answer = ask(json!({"resource": resource, "request": request(&operations)}), dialect);
                if understood_by.contains(&dialect) {
                    assert_eq!((&answer["ok"], &answer["tolerances"]), (&json!(true), &json!([tolerance])), "{dialect}");
                } else {
                    assert_eq!((&answer["ok"], &answer["status"]), (&json!(false), &json!(400)), "{dialect} {tolerance}");
                }
            }
        }
    }

    #[test]
    fn a_password_is_never_in_an_answer() {
        let question = json!({"resource": user(), "request": request(&json!([{"op": "add", "path": "password", "value": "new-secret"}]))});
        let answer = answer(&question);
        assert_eq!(answer["changed"], true);
        assert!(!answer.to_string().contains("new-secret"));
    }

    #[test]
    fn a_refused_patch_is_the_error_of_a_service_provider() {
        let refused = |resource: Value, request: Value, scim_type: &str| {
            let answer = answer(&json!({"resource": resource, "request": request}));
            assert_eq!(
                (&answer["ok"], &answer["status"], &answer["scimType"]),
                (&json!(false), &json!(400), &json!(scim_type)),
                "{answer}"
            );
            assert!(!answer["detail"].as_str().unwrap().is_empty());
        };
        refused(user(), json!("text"), "invalidSyntax");
        refused(user(), json!({"Operations": []}), "invalidSyntax");
        refused(user(), request(&json!([])), "invalidSyntax");
        refused(user(), request(&json!([{"op": "remove"}])), "noTarget");
        refused(user(), request(&json!([{"op": "remove", "path": "emails["}])), "invalidPath");
        refused(user(), request(&json!([{"op": "remove", "path": "emails[type px 1]"}])), "invalidFilter");
        refused(user(), request(&json!([{"op": "replace", "path": "id", "value": "2"}])), "mutability");
        // What only the check of the whole resource finds.
        refused(json!({"title": "no name"}), request(&json!([{"op": "add", "path": "title", "value": "x"}])), "invalidValue");
        let name_twice = json!({"resource": user(), "request": 0}).to_string().replace(":0", r#":{"a":1,"A":2}"#);
        assert_eq!(answers(name_twice.as_bytes())[0]["scimType"], "invalidSyntax");
    }

    #[test]
    fn faults_of_filters_and_paths_point_at_bytes() {
        check_fault(br#"{"filter": "userName px 1"}"#, "syntax", Some(9));
        check_fault(r#"{"filter": "a eq \"å\" b"}"#.as_bytes(), "syntax", Some(10));
        check_fault(br#"{"filter": ""}"#, "syntax", Some(0));
        check_fault(br#"{"path": "emails[type eq \"work\"].value.x"}"#, "syntax", Some(28));
        let long = json!({"filter": "a".repeat(8193)}).to_string();
        assert_eq!(answers(long.as_bytes())[0]["error"]["kind"], "limit");
    }

    #[test]
    fn a_filter_that_does_not_fit_the_resource_is_a_fault() {
        let fault = |filter: &str| answer(&json!({"filter": filter, "resource": user()}))["error"].clone();
        assert_eq!(fault("nope pr")["kind"], "unknown-attribute");
        assert_eq!(fault("active gt true")["kind"], "comparison");
        assert_eq!(fault("name eq \"x\"")["kind"], "sub-attribute-needed");
        assert_eq!(fault("password eq \"x\"")["kind"], "sensitive");
        assert_eq!(fault("password eq \"x\"")["offset"], Value::Null);
    }

    #[test]
    fn a_line_that_asks_nothing_is_a_fault() {
        for line in [
            &b"\n"[..],
            b"x",
            b"[]",
            br#"["title pr", null, null, null, null]"#,
            b"{}",
            b"{\"filter\": \"\xff\"}",
            br#"{"filter": 1}"#,
            br#"{"filter": "\ud800"}"#,
            br#"{"filter": null}"#,
            br#"{"filter": "title pr", "filter": "title pr"}"#,
            br#"{"filter": "title pr", "path": "title"}"#,
            br#"{"filter": "title pr", "request": {}}"#,
            br#"{"resource": {}}"#,
            br#"{"request": {}}"#,
            br#"{"filter": "title pr", "resource": []}"#,
            br#"{"filter": "title pr", "resource": {"a": 1, "A": 2}}"#,
            br#"{"filter": "title pr"} {}"#,
        ] {
            check_fault(line, "input", None);
        }
        check_fault("[".repeat(100_000).as_bytes(), "input", None);
        let deep = format!(r#"{{"filter": "title pr", "resource": {{"a": {}{}}}}}"#, "[".repeat(1000), "]".repeat(1000));
        check_fault(deep.as_bytes(), "input", None);
    }

    #[test]
    fn order_is_kept_over_many_lines() {
        let input: String =
            (0..10_000).map(|n| if n % 7 == 0 { "bad\n".to_owned() } else { format!("{{\"path\": \"a{n}\"}}\n") }).collect();
        let answers = answers(input.as_bytes());
        assert_eq!(answers.len(), 10_000);
        for (n, answer) in answers.iter().enumerate() {
            if n % 7 == 0 {
                assert_eq!(answer["error"]["kind"], "input");
            } else {
                assert_eq!(answer["print"], format!("a{n}"));
            }
        }
    }
}
