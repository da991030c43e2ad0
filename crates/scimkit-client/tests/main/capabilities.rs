use std::sync::Arc;

use futures_util::future::join_all;
use scimkit_client::bulk::BulkLimits;
use scimkit_client::capabilities::{Capabilities, CapabilitySource};
use scimkit_types::Profile;

use crate::support::{Answer, Scripted, answer, run};

const CONFIG: &str = r#"{"patch": {"supported": false}, "filter": {"supported": "False", "maxResults": 200},
    "bulk": {"supported": true, "maxOperations": "50", "maxPayloadSize": 1000}, "sort": {}}"#;
const TYPES: &str = r#"{"totalResults": 1, "Resources": [{"name": "User", "endpoint": "People/"}, {"name": "Broken"}, 7]}"#;
const GONE: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#;

fn known(source: CapabilitySource, answers: impl IntoIterator<Item = Answer>) -> (Arc<Capabilities>, Vec<String>) {
    let peer = Scripted::new(answers);
    let client = peer.client().with_capabilities(source);
    let all = run(join_all([client.capabilities(), client.clone().capabilities(), client.capabilities()]));
    (all.into_iter().next().unwrap().unwrap(), peer.seen())
}

/// R7644-3.4.2.2-25, R7644-3.2-04, R9865-4-03: what a service provider says of itself is asked for once and read leniently.
#[test]
fn a_service_provider_is_probed_once() {
    let (known, seen) = known(CapabilitySource::Probed, [answer(200, CONFIG), answer(200, TYPES)]);
    assert_eq!(seen, ["GET /scim/v2/ServiceProviderConfig", "GET /scim/v2/ResourceTypes"]);
    assert_eq!((known.patch, known.filter, known.sort, known.etag), (Some(false), Some(false), None, None));
    assert_eq!((known.max_page_size, known.endpoint("user")), (Some(200), Some("/People")));
    assert_eq!(known.bulk_limits(), Some(BulkLimits::new(50, 1000)));
}

#[test]
fn what_is_declared_is_not_asked_for() {
    let declared = Capabilities::declared(&Profile::standard());
    let (known, seen) = known(CapabilitySource::Declared(declared.clone()), []);
    assert_eq!((&*known, seen.len()), (&declared, 0));
}

/// A profile wins over a configuration that is wrong, as those of RingCentral and Atlassian.
#[test]
fn what_is_declared_wins() {
    let mut declared = Capabilities::default();
    declared.patch = Some(true);
    let (known, _) = known(CapabilitySource::Both(declared), [answer(200, CONFIG), answer(200, TYPES)]);
    assert_eq!((known.patch, known.filter, known.bulk), (Some(true), Some(false), Some(true)));
}

/// R9865-4-02: what is not published is not known, and not without limits.
#[test]
fn what_is_not_published_is_not_known() {
    let (known, seen) = known(CapabilitySource::Probed, [answer(404, GONE), answer(404, "<html>"), answer(501, "")]);
    assert_eq!(*known, Capabilities::default());
    assert_eq!(seen[1], "GET /scim/v2/ServiceProviderConfigs");
    assert_eq!(known.bulk_limits(), None);
    let bulk = Capabilities::probed(&serde_json::from_str(r#"{"bulk": {"supported": true, "maxOperations": 0}}"#).unwrap(), &[]);
    assert_eq!(bulk.bulk_limits(), Some(BulkLimits::default()));
}

/// A failure is not remembered.
#[test]
fn a_failure_is_told_and_asked_again() {
    let peer = Scripted::new([answer(401, ""), answer(200, CONFIG), answer(200, TYPES)]);
    let client = peer.client();
    assert_eq!(run(client.capabilities()).unwrap_err().status(), Some(401));
    assert_eq!(run(client.capabilities()).unwrap().patch, Some(false));
}
