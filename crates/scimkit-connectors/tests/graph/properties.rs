use std::sync::Arc;

use proptest::prelude::*;
use scimkit_connectors::graph::{GraphOptions, RecordedPages};
use scimkit_example_directory::{Options, generate};
use scimkit_provisioning::Source;
use serde_json::{Value, json};

use super::{APPLICATION, chain, scripted_with};

/// What stands in every text of a page and must not stand in a message.
const SECRET: &str = "sécret";

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(|text| json!(format!("{SECRET}{text}"))),
        Just(json!("changed")),
        Just(json!("https://graph.microsoft.com/v1.0/users/delta?a")),
    ];
    let name = prop_oneof![
        Just("value"),
        Just("id"),
        Just("@removed"),
        Just("reason"),
        Just("manager@delta"),
        Just("accountEnabled"),
        Just("mail"),
        Just("@odata.nextLink"),
        Just("@odata.deltaLink"),
        Just("principalId"),
        Just("principalType"),
        Just("appRoleId"),
        Just("appRoles"),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    /// No answer stops the process, and no message tells what stood in it.
    #[test]
    fn any_json_is_read_or_refused_without_telling_it(page in any_json(), cut in any::<prop::sample::Index>()) {
        let text = page.to_string();
        let part: String = text.chars().take(cut.index(text.len() + 1)).collect();
        for body in [text.as_str(), &part] {
            let (source, _) = scripted_with(&[(200, body), (200, body)], GraphOptions::new(APPLICATION));
            if let Err(error) = block_on(source.read("User", None)) {
                prop_assert!(!chain(&error).contains(SECRET), "{}", chain(&error));
            }
            let (source, _) = scripted_with(&[(200, body), (200, body)], GraphOptions::new(APPLICATION));
            if let Err(error) = block_on(source.assignments(None)) {
                prop_assert!(!chain(&error).contains(SECRET), "{}", chain(&error));
            }
            if let Err(error) = block_on(source.app_roles()) {
                prop_assert!(!chain(&error).contains(SECRET), "{}", chain(&error));
            }
        }
    }
}

/// A page of a generated directory with one character gone is read or refused, and a refusal names the file.
#[test]
fn damaged_pages_are_refused_by_name() {
    let directory = generate(&Options { people: 20, groups: 3, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    directory.write_to(folder.path()).unwrap();
    let path = folder.path().join("initial/users-0001.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut refused = 0;
    for place in (0..whole.chars().count()).step_by(7) {
        let damaged: String = whole.chars().enumerate().filter(|(index, _)| *index != place).map(|(_, character)| character).collect();
        std::fs::write(&path, damaged).unwrap();
        let error = match RecordedPages::open(folder.path(), 1) {
            Err(error) => chain(&error),
            Ok(pages) => {
                let options = GraphOptions::new(directory.service_principal_id());
                let source = scimkit_connectors::graph::GraphSource::new(Arc::new(pages), options).unwrap();
                match block_on(source.read("User", None)) {
                    Ok(_) => continue,
                    Err(error) => chain(&error),
                }
            }
        };
        refused += 1;
        assert!(error.contains("initial/users-0001.json"), "{error}");
    }
    assert!(refused > 50);
}
