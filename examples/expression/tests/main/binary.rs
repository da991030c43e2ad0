//! The program as a user runs it, and the tables of expressions through its `--jsonl`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The program that was built along with this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder.join("examples").join(format!("expression{}", std::env::consts::EXE_SUFFIX))
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child =
        Command::new(program()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

/// The answers of `--jsonl` to rows of a table, which has more members than a question.
fn answers(rows: &[Value]) -> Vec<Value> {
    let input: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let output = run(&["--jsonl"], &input);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), rows.len());
    answers
}

fn read(path: &Path) -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether an answer is what a row of a table expects.
fn is(answer: &Value, expected: &Value) -> bool {
    if let Some(flow) = expected.get("$flow") {
        let flow = if flow == "IgnoreObjectFlow" { "object-ignored" } else { "attribute-ignored" };
        return *answer == json!({"ok": true, "flow": flow});
    }
    if let Some(message) = expected.get("$error").or_else(|| expected.get("$syntax")) {
        // Other tables word errors in their own way.
        let message = message.as_str().unwrap().trim_start_matches("Error: ");
        return answer["ok"] == false && answer["error"]["message"].as_str().unwrap().contains(message);
    }
    let expected = match expected {
        Value::Bool(value) => json!(if *value { "True" } else { "False" }),
        other => other.clone(),
    };
    *answer == json!({"ok": true, "value": expected})
}

fn assert_holds(rows: &[Value], expected: impl Fn(&Value) -> Value) {
    let wrong: Vec<String> = answers(rows)
        .iter()
        .zip(rows)
        .filter(|(answer, row)| !is(answer, &expected(row)))
        .map(|(answer, row)| format!("{}: expected {}, found {answer}", row["id"], expected(row)))
        .collect();
    println!("{} of {} rows hold", rows.len() - wrong.len(), rows.len());
    assert!(wrong.is_empty(), "{} of {} rows are wrong\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn an_expression_is_explained_and_a_fault_drawn() {
    let output = run(&[r#"Join(" ", [givenName], [surname])"#, "--set", "givenName=Åsa"], "");
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("result: \"Åsa\"\n"));
    let output = run(&["Left([a] 1)"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: expected `,` or `)`, found `1`\nLeft([a] 1)\n         ^\n");
}

#[test]
fn every_row_of_our_table_holds() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/mapping/expressions.json");
    let mut rows = read(&table);
    for row in &mut rows {
        let now = row.get("now").cloned().unwrap_or_else(|| json!("2026-03-01T08:00:00Z"));
        row["now"] = now;
    }
    assert_holds(&rows, |row| row["expected"].clone());
}

/// A published table may be given by a folder; it is not part of this project.
#[test]
fn every_row_of_a_given_table_holds() {
    let Some(folder) = std::env::var_os("SCIMKIT_SHARED_TABLES") else {
        println!("skipped: SCIMKIT_SHARED_TABLES is not set");
        return;
    };
    let rows = read(&Path::new(&folder).join("entra-expressions.json"));
    let (values, others): (Vec<Value>, Vec<Value>) = rows.into_iter().partition(|row| row["kind"] == "value");
    assert_holds(&values, |row| {
        let name = if row["consistent"] == true || row.get("computed").is_none() { "expected" } else { "computed" };
        row[name].clone()
    });
    let mut held = 0;
    for (answer, row) in answers(&others).iter().zip(&others) {
        let kind = answer["error"]["kind"].as_str().unwrap_or_default();
        assert!(!["input", "syntax", "limit", "unknown-function", "arguments", "pattern"].contains(&kind), "{}: {answer}", row["id"]);
        if row["kind"] == "property" {
            let text = answer["value"].as_str().unwrap();
            let count = |is: fn(&char) -> bool| text.chars().filter(is).count();
            let digits = count(char::is_ascii_digit);
            let holds = match row["expression"].as_str().unwrap() {
                "Guid()" => text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text == text.to_lowercase(),
                "RandomString(6,3,0,0,3)" => text.len() == 6 && digits >= 3 && count(char::is_ascii_lowercase) >= 3,
                "RandomString(10,2,2,2,1,\"?,\")" => {
                    let (capitals, small) = (count(char::is_ascii_uppercase), count(char::is_ascii_lowercase));
                    let special = 10 - digits - capitals - small;
                    text.len() == 10 && digits >= 2 && special >= 2 && capitals >= 2 && small >= 1 && !text.contains(['?', ','])
                }
                _ => text.len() == 5 && text.starts_with('D') && text.chars().all(|c| c.is_ascii_uppercase()),
            };
            assert!(holds, "{}: {answer}", row["id"]);
        }
        held += 1;
    }
    println!("{held} of {} rows of other kinds hold", others.len());
}
