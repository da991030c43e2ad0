//! The program as a user runs it, and the table of expressions through its `--jsonl`.

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
        return answer["ok"] == false && answer["error"]["message"].as_str().unwrap().contains(message.as_str().unwrap());
    }
    *answer == json!({"ok": true, "value": expected})
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
fn every_row_of_the_table_holds() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/mapping/expressions.json");
    let mut rows = read(&table);
    for row in &mut rows {
        let now = row.get("now").cloned().unwrap_or_else(|| json!("2026-03-01T08:00:00Z"));
        row["now"] = now;
    }
    let answers = answers(&rows);
    let wrong: Vec<String> = (answers.iter().zip(&rows))
        .filter(|(answer, row)| !is(answer, &row["expected"]))
        .map(|(answer, row)| format!("{}: expected {}, found {answer}", row["id"], row["expected"]))
        .collect();
    assert!(wrong.is_empty(), "{} of {} rows are wrong\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
