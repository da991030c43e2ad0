//! The program as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program that was built along with this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder.join("examples").join(format!("mapping{}", std::env::consts::EXE_SUFFIX))
}

fn run(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(program()).current_dir(root).args(arguments).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn mappings_without_faults_pass() {
    for file in ["examples/mapping/data/ringcentral.toml", "testdata/mapping/ringcentral.json"] {
        let output = run(&["check", file, "--profile", "ringcentral"]);
        let (found, code) = (text(output.stdout), output.status.code());
        if file.ends_with("toml") {
            assert_eq!((found.as_str(), code), ("no faults\n", Some(0)));
        } else {
            // The service has no filter on `externalId` and no `manager`.
            assert_eq!(code, Some(1));
            assert!(found.contains("testdata/mapping/ringcentral.json:77: attribute mapping `externalId`"), "{found}");
        }
    }
}

#[test]
fn all_faults_are_named_with_path_and_line() {
    let output = run(&["check", "examples/mapping/tests/faults.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = include_str!("../faults.txt");
    assert_eq!(text(output.stdout), expected);
}

#[test]
fn a_record_is_traced() {
    let output = run(&["trace", "examples/mapping/data/ringcentral.toml", "examples/mapping/data/record.json", "--profile", "ringcentral"]);
    assert!(output.status.success(), "{output:?}");
    let expected = include_str!("../trace.txt");
    assert_eq!(text(output.stdout), expected);
    let output =
        run(&["trace", "examples/mapping/data/ringcentral.toml", "examples/mapping/data/record.json", "--update", "--soft-deleted"]);
    let found = text(output.stdout);
    assert!(found.contains("active = false\n") && found.contains("externalId = left out: it flows only when"), "{found}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let check = |arguments: &[&str], expected: &str| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let found = text(output.stderr);
        assert!(found.starts_with(expected), "{found}");
    };
    check(&["check", "none.toml"], "error: `none.toml` cannot be read: ");
    check(&["check", "testdata/mapping/groups.json", "--profile", "none.json"], "error: `none.json` cannot be read: ");
    check(&["check", "examples/mapping/README.md"], "error: `examples/mapping/README.md` holds no mappings: ");
    // A file of another kind has the form of a schema, since all members may be missing; to say that it has no faults would mislead.
    let empty =
        "error: `examples/mapping/data/record.json` holds no mappings: expected `objects` or `synchronizationRules` with at least one";
    check(&["check", "examples/mapping/data/record.json"], empty);
    check(&["trace", "testdata/mapping/groups.json", "examples/mapping/data/record.json"], "error: no mapping has the source `User`");
}

/// Each test has files of its own in the folder that cargo gives to tests.
fn write(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let mappings = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/ringcentral.toml")).unwrap();
    let output = run(&["check", &write("marked.toml", &format!("\u{feff}{mappings}")), "--profile", "ringcentral"]);
    assert_eq!(text(output.stdout), "no faults\n");
}

#[test]
fn a_redacted_value_is_shown_nowhere() {
    let mappings = r#"{"objects": [{"source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
        {"target": "userName", "expression": "Redact([mail])", "match": 1}
    ]}]}"#;
    let output = run(&["trace", &write("redacted.json", mappings), "examples/mapping/data/record.json"]);
    let shown =
        "in scope: yes\nuserName = \"[Redact]\"\n  from Redact([mail])\n  [mail] is \"[Redact]\"\nmatches by userName \"[Redact]\"\n";
    assert_eq!(text(output.stdout), shown);
}
