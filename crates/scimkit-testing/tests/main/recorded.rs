//! Recorded requests, and what a client sent, in one form.

use std::path::Path;

use bytes::Bytes;
use http::{Request, StatusCode};
use scimkit_testing::ScriptedTransport;
use serde_json::{Value, json};

pub(crate) const BASE: &str = "https://fake.example/scim";

/// A recording of `testdata`.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) method: String,
    /// Below the base address, decoded.
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// The names of all recordings of a client.
pub(crate) fn names(client: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(client);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    names.sort();
    names
}

impl Recorded {
    pub(crate) fn read(client: &str, name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(client).join(format!("{name}.json"));
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let request = &recording["request"];
        Self {
            name: name.to_owned(),
            method: request["method"].as_str().unwrap_or("POST").to_owned(),
            path: decoded(request["path"].as_str().unwrap_or("/Users")),
            body: if request.is_null() { recording["sample"].clone() } else { request["body"].clone() },
        }
    }

    /// The id in the path.
    pub(crate) fn id(&self) -> String {
        self.path.split('?').next().unwrap().split('/').nth(2).unwrap().to_owned()
    }

    /// The value that an operation has, counted from 0.
    pub(crate) fn value(&self, operation: usize) -> Value {
        self.body["Operations"][operation]["value"].clone()
    }

    /// The value of the comparison in the filter.
    pub(crate) fn searched(&self) -> String {
        self.path.split('"').nth(1).unwrap().to_owned()
    }

    /// Checks that a request is the recorded one, but for members that are null.
    #[track_caller]
    pub(crate) fn check(&self, sent: &Request<Bytes>) {
        let (path, body) = read(sent);
        let expected = (self.method.as_str(), self.path.as_str(), without_null(self.body.clone()));
        assert_eq!((sent.method().as_str(), path.as_str(), without_null(body)), expected, "{}", self.name);
    }
}

/// The decoded path below the base address, and the body.
pub(crate) fn read(sent: &Request<Bytes>) -> (String, Value) {
    let address = sent.uri().to_string();
    let body = if sent.body().is_empty() { Value::Null } else { serde_json::from_slice(sent.body()).unwrap() };
    (decoded(address.strip_prefix(BASE).unwrap()), body)
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, without_null(value))).collect()
        }
        Value::Array(elements) => elements.into_iter().map(without_null).collect(),
        other => other,
    }
}

/// A script that goes on with a list of these resources.
pub(crate) fn with_list(script: ScriptedTransport, resources: &[Value]) -> ScriptedTransport {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": resources.len(), "Resources": resources,
    });
    script.answering(StatusCode::OK, body.to_string())
}

/// A script that goes on with a resource.
pub(crate) fn with_resource(script: ScriptedTransport, status: StatusCode, resource: &Value) -> ScriptedTransport {
    script.answering(status, resource.to_string())
}
