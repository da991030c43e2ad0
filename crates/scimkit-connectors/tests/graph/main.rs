//! Microsoft Graph pages, live in shape and recorded in files.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

/// What is asked and how answers are understood, page by page.
#[cfg(test)]
mod answers;
/// Answers that are not what they should be.
#[cfg(test)]
mod broken;
/// A whole generated directory, read from files.
#[cfg(test)]
mod generated;
/// What holds for every answer.
#[cfg(test)]
mod properties;
/// Recordings that lack something.
#[cfg(test)]
mod recordings;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{TransportError, transport_fn};
use scimkit_connectors::graph::{GraphOptions, GraphSource};

const APPLICATION: &str = "6c1f2f0e-0000-4000-8000-000000000001";

/// A source whose requests are answered one after the other; the addresses that were asked for are noted.
fn scripted(answers: &[(u16, &str)]) -> (GraphSource, Arc<Mutex<Vec<String>>>) {
    scripted_with(answers, GraphOptions::new(APPLICATION).with_user_properties(["id", "mail"]).with_group_properties(["id", "members"]))
}

fn scripted_with(answers: &[(u16, &str)], options: GraphOptions) -> (GraphSource, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let left: Vec<(u16, String)> = answers.iter().rev().map(|(status, body)| (*status, (*body).to_owned())).collect();
    let left = Mutex::new(left);
    let transport = transport_fn(move |request: Request<Bytes>| {
        noted.lock().unwrap().push(request.uri().to_string());
        let (status, body) = left.lock().unwrap().pop().expect("an answer is left");
        async move { Ok::<_, TransportError>(Response::builder().status(status).body(Bytes::from(body)).unwrap()) }
    });
    (GraphSource::new(Arc::new(transport), options).unwrap(), asked)
}

/// The text of an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
