//! The clients against this project's server, by dialect: what they believe afterwards is so.

use std::sync::Arc;

use http::StatusCode;
use scimkit_client::{Transport, TransportErrorKind};
use scimkit_testing::clients::{AppRole, Attributes, Complaint, EntraClient, OktaClient, OktaIntegration, Outcome, RoleMapping};
use scimkit_testing::fake::{self, FakeService};
use scimkit_testing::{Fault, FlakyTransport, Recording, ScriptedTransport, VirtualTime};
use scimkit_types::{Dialect, Profile};

const BASE: &str = "https://fake.example/scim/v2";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const FLAG: &str = "?aadOptscim062020";

fn service(dialect: Dialect, time: &VirtualTime) -> FakeService {
    let mut profile = Profile::standard();
    profile.dialect = dialect;
    fake::service(profile, time.clock()).unwrap()
}

fn entra(dialect: Dialect, query: &str) -> (VirtualTime, FakeService, EntraClient) {
    let time = VirtualTime::default();
    let service = service(dialect, &time);
    let client = EntraClient::new(Arc::new(service.transport()), &format!("{BASE}{query}")).unwrap();
    (time, service, client)
}

fn person(name: &str) -> Attributes {
    Attributes::new()
        .with("userName", format!("{name}@example.com"))
        .with("active", true)
        .with("displayName", name)
        .with("name.givenName", name)
        .with("name.familyName", "Nordmann")
        .with("emails[type eq \"work\"].value", format!("{name}@example.com"))
        .with(format!("{ENTERPRISE}:department"), "Sales")
}

fn named(name: &str) -> Attributes {
    Attributes::new().with("displayName", name)
}

/// Everything that Entra ID does to users and groups, with what it makes of each answer.
async fn entra_life(client: &mut EntraClient) -> Result<(), Complaint> {
    client.test_connection().await?;
    assert!(client.discover_schemas().await?.iter().any(|uri| uri == ENTERPRISE));
    for name in ["ola", "kari", "per"] {
        assert_eq!(client.provision_user(name, &person(name)).await?, Outcome::Created);
        assert_eq!(client.provision_user(name, &person(name)).await?, Outcome::Unchanged);
    }
    assert_eq!(client.provision_user("new", &person("new").with("active", false)).await?, Outcome::Skipped);

    // Several changes at once: with and without filter, in the extension, of what was not there before.
    let changed = person("ola")
        .with("displayName", "Ola N.")
        .with("name.familyName", "Hansen")
        .with("emails[type eq \"work\"].value", "ola.hansen@example.com")
        .with("phoneNumbers[type eq \"mobile\"].value", "+47 555 01 000")
        .with(format!("{ENTERPRISE}:department"), "Support")
        .with("nickName", "Olli")
        .with("title", "Clerk");
    assert_eq!(client.provision_user("ola", &changed).await?, Outcome::Updated);
    assert_eq!(client.check().await?, []);

    assert_eq!(client.set_manager("ola", Some("kari")).await?, Outcome::Updated);
    assert_eq!(client.set_manager("ola", Some("kari")).await?, Outcome::Unchanged);
    assert_eq!(client.set_manager("ola", Some("per")).await?, Outcome::Updated);
    assert_eq!(client.set_manager("ola", Some("nobody")).await?, Outcome::Skipped);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.set_manager("ola", None).await?, Outcome::Updated);
    assert_eq!(client.check().await?, []);

    assert_eq!(client.provision_group("guides", &named("Guides")).await?, Outcome::Created);
    assert_eq!(client.provision_group("guides", &named("Tour guides")).await?, Outcome::Updated);
    assert_eq!(client.add_members("guides", &["ola", "kari", "per", "nobody"]).await?, Outcome::Updated);
    assert_eq!(client.remove_members("guides", &["ola", "per"]).await?, Outcome::Updated);
    assert_eq!(client.remove_members("guides", &["ola"]).await?, Outcome::Unchanged);
    assert_eq!(client.check().await?, []);

    assert_eq!(client.disable_user("kari").await?, Outcome::Disabled);
    assert_eq!(client.disable_user("kari").await?, Outcome::Unchanged);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.provision_user("kari", &person("kari")).await?, Outcome::Updated);
    assert_eq!(client.delete_user("kari").await?, Outcome::Deleted);
    assert_eq!(client.check().await?, []);
    let roles = [AppRole::new("1", "User", "User")];
    assert_eq!(client.set_roles("ola", RoleMapping::Assertive, &roles).await?, Outcome::Updated);
    assert_eq!(client.delete_group("guides").await?, Outcome::Deleted);
    assert_eq!(client.check().await?, []);
    Ok(())
}

/// IR01, IR02, IR03, IR04, IR05, IR06, IR24: what Entra ID sends has its effect, without and with its flag.
#[test]
fn entra_gets_what_it_wants_of_a_server_that_speaks_its_dialect() {
    for (dialect, query) in
        [(Dialect::ENTRA, ""), (Dialect::LENIENT, ""), (Dialect::ENTRA_OPTSCIM, FLAG), (Dialect::ENTRA, FLAG), (Dialect::LENIENT, FLAG)]
    {
        let (time, service, mut client) = entra(dialect, query);
        time.run(entra_life(&mut client)).unwrap().unwrap_or_else(|complaint| panic!("{dialect:?} {query}: {complaint:?}"));
        let held = time.run(service.resources("User")).unwrap().unwrap();
        assert_eq!(held.len(), 2, "{dialect:?} {query}");
        for members in [1, 2, 100] {
            let (time, _, client) = entra(dialect, query);
            let mut client = client.with_members(members, 3);
            time.run(entra_life(&mut client)).unwrap().unwrap();
        }
    }
}

/// A strict server refuses what is no SCIM, and the client does not believe that it had an effect.
#[test]
fn a_strict_server_refuses_entra_without_its_flag() {
    let (time, _, mut client) = entra(Dialect::STRICT, "");
    time.run(async {
        client.test_connection().await.unwrap();
        assert_eq!(client.provision_user("ola", &person("ola")).await.unwrap(), Outcome::Created);
        let refused = client.disable_user("ola").await.unwrap_err();
        let Complaint::Refused { status: 400, error: Some(error), .. } = refused else { panic!("{refused:?}") };
        assert_eq!(error.scim_type, Some(scimkit_types::ScimType::InvalidValue));
        // The schema of groups is one that the standard does not have.
        assert_eq!(client.provision_group("guides", &named("Guides")).await.unwrap_err().status(), Some(400));
        assert!(client.group("guides").is_none());
        assert_eq!(client.check().await.unwrap(), []);
    })
    .unwrap();
}

/// With its flag, what Entra ID sends of users is the standard's, but for keys with dots.
#[test]
fn a_strict_server_understands_entra_with_its_flag_but_for_several_values_at_once() {
    let (time, _, mut client) = entra(Dialect::STRICT, FLAG);
    time.run(async {
        client.provision_user("ola", &person("ola")).await.unwrap();
        assert_eq!(client.provision_user("ola", &person("ola").with("displayName", "O")).await.unwrap(), Outcome::Updated);
        assert_eq!(client.disable_user("ola").await.unwrap(), Outcome::Disabled);
        let several = person("ola").with("active", false).with("displayName", "P").with("name.familyName", "Q");
        assert_eq!(client.provision_user("ola", &several).await.unwrap_err().status(), Some(400));
        assert_eq!(client.check().await.unwrap(), []);
    })
    .unwrap();
}

#[test]
fn whoever_is_there_already_is_linked_and_not_created_again() {
    let (time, service, mut first) = entra(Dialect::ENTRA, "");
    let mut second = EntraClient::new(Arc::new(service.transport()), BASE).unwrap();
    let mut okta = OktaClient::new(Arc::new(service.transport()), BASE, OktaIntegration::Custom).unwrap();
    time.run(async {
        assert_eq!(first.provision_user("1", &person("ola")).await.unwrap(), Outcome::Created);
        let changed = person("ola").with("title", "Clerk");
        assert_eq!(second.provision_user("a", &changed).await.unwrap(), Outcome::Linked);
        assert_eq!((first.user("1").unwrap().id.as_str(), second.check().await.unwrap()), (second.user("a").unwrap().id.as_str(), vec![]));
        assert_eq!(okta.assign_user("b", &person("ola").with("title", "Boss")).await.unwrap(), Outcome::Linked);
        let differences = second.check().await.unwrap();
        assert_eq!(differences.iter().map(|difference| difference.path.as_str()).collect::<Vec<_>>(), ["title"]);
        // The account is deleted behind the back of this client.
        second.delete_user("a").await.unwrap();
        let gone = first.provision_user("1", &person("ola").with("title", "Guide")).await.unwrap_err();
        assert!(matches!(gone, Complaint::Gone { .. }));
        assert_eq!(first.check().await.unwrap().first().map(|difference| difference.path.as_str()), Some("id"));
    })
    .unwrap();
}

/// Everything that Okta does to users and groups.
async fn okta_life(client: &mut OktaClient) -> Result<(), Complaint> {
    client.enable_provisioning().await?;
    for name in ["ola", "kari", "per"] {
        assert_eq!(client.assign_user(name, &person(name)).await?, Outcome::Created);
    }
    assert_eq!(client.update_user("ola", &person("ola")).await?, Outcome::Unchanged);
    let changed = person("ola").with("name.familyName", "Hansen").with("emails[type eq \"work\"].value", "o@example.com");
    assert_eq!(client.update_user("ola", &changed).await?, Outcome::Updated);
    assert_eq!(client.update_user("nobody", &changed).await?, Outcome::Skipped);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.push_group("guides", "Guides", &["ola", "kari"]).await?, Outcome::Created);
    assert_eq!(client.change_members("guides", &["per"], &["ola"]).await?, Outcome::Updated);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.rename_group("guides", "Tour guides").await?, Outcome::Updated);
    assert_eq!(client.push_group("guides", "Tour guides", &["ola"]).await?, Outcome::Updated);
    assert_eq!(client.change_members("guides", &[], &["kari"]).await?, Outcome::Unchanged);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.deactivate_user("kari").await?, Outcome::Disabled);
    assert_eq!(client.deactivate_user("kari").await?, Outcome::Unchanged);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.activate_user("kari").await?, Outcome::Updated);
    assert_eq!(client.import_users().await?.len(), 3);
    assert_eq!(client.import_groups().await?.len(), 1);
    assert_eq!(client.check().await?, []);
    assert_eq!(client.delete_group("guides").await?, Outcome::Deleted);
    assert_eq!(client.check().await?, []);
    Ok(())
}

/// IR09: Okta repeats the id of a group that it names.
#[test]
fn okta_gets_what_it_wants_of_a_server_that_speaks_its_dialect() {
    for dialect in [Dialect::OKTA, Dialect::LENIENT, Dialect::ENTRA] {
        for integration in [OktaIntegration::Network, OktaIntegration::Custom] {
            let time = VirtualTime::default();
            let mut client = OktaClient::new(Arc::new(service(dialect, &time).transport()), BASE, integration).unwrap();
            let lived = time.run(okta_life(&mut client)).unwrap();
            lived.unwrap_or_else(|complaint| panic!("{dialect:?} {integration:?}: {complaint:?}"));
        }
    }
}

/// A custom integration sends nothing that the standard does not have; one of the network repeats the id of a group.
#[test]
fn a_strict_server_understands_okta_but_for_the_id_in_an_operation() {
    for integration in [OktaIntegration::Network, OktaIntegration::Custom] {
        let time = VirtualTime::default();
        let mut client = OktaClient::new(Arc::new(service(Dialect::STRICT, &time).transport()), BASE, integration).unwrap();
        let lived = time.run(okta_life(&mut client)).unwrap();
        match integration {
            OktaIntegration::Custom => lived.unwrap(),
            _ => assert_eq!(lived.unwrap_err().status(), Some(400)),
        }
    }
}

/// IR33: a conflict is a failure to Okta.
#[test]
fn a_conflict_of_names_is_a_complaint() {
    let time = VirtualTime::default();
    let service = service(Dialect::OKTA, &time);
    let mut client = OktaClient::new(Arc::new(service.transport()), BASE, OktaIntegration::Network).unwrap();
    time.run(async {
        client.assign_user("1", &person("ola")).await.unwrap();
        client.assign_user("2", &person("kari")).await.unwrap();
        let taken = client.update_user("2", &person("ola")).await.unwrap_err();
        assert_eq!(taken.status(), Some(409));
        assert_eq!(client.user("2").unwrap().attributes.get("userName").unwrap().as_str(), Some("kari@example.com"));
        assert_eq!(client.check().await.unwrap(), []);
    })
    .unwrap();
}

/// IR30: what is no SCIM is a complaint, and not a wrong belief.
#[test]
fn answers_that_cannot_be_used_are_complaints() {
    let time = VirtualTime::default();
    let answers = [
        ("application/scim+json", r#"{"totalResults":0}"#),
        (
            "application/scim+json",
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":"0","Resources":[]}"#,
        ),
        (
            "application/scim+json",
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{}]}"#,
        ),
        ("application/scim+json", r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3}"#),
        ("application/scim+json", "[]"),
        ("application/scim+json", "{"),
        ("text/html", "<html></html>"),
    ];
    for (media_type, body) in answers {
        let mut response = http::Response::new(bytes::Bytes::from_static(body.as_bytes()));
        response.headers_mut().insert("content-type", media_type.parse().unwrap());
        let script = Arc::new(ScriptedTransport::new().answering_with(response.clone()).answering_with(response));
        let entra = EntraClient::new(Arc::clone(&script) as Arc<dyn Transport>, BASE).unwrap();
        let okta = OktaClient::new(script, BASE, OktaIntegration::Network).unwrap();
        assert!(matches!(time.run(entra.test_connection()).unwrap(), Err(Complaint::Unusable { .. })), "{body}");
        assert!(matches!(time.run(okta.test_connection()).unwrap(), Err(Complaint::Unusable { .. })), "{body}");
    }
    let gateway = || {
        Arc::new(ScriptedTransport::new().answering_with({
            let mut response = http::Response::new(bytes::Bytes::from_static(b"<html></html>"));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }))
    };
    let entra = EntraClient::new(gateway(), BASE).unwrap();
    let refused = time.run(entra.test_connection()).unwrap().unwrap_err();
    assert!(matches!(refused, Complaint::Refused { status: 502, error: None, .. }));
    let okta = OktaClient::new(gateway(), BASE, OktaIntegration::Network).unwrap();
    assert!(matches!(time.run(okta.test_connection()).unwrap(), Err(Complaint::Unusable { .. })));
    assert!(matches!(EntraClient::new(gateway(), "/scim"), Err(Complaint::Address { .. })));
}

/// A fault of one of several requests at once costs only the members of that request.
#[test]
fn members_of_a_lost_request_are_sent_again() {
    let time = VirtualTime::default();
    let service = service(Dialect::ENTRA, &time);
    let flaky = FlakyTransport::new(Recording::new(service.transport())).with_fault(9, Fault::Before(TransportErrorKind::Connect));
    let flaky = Arc::new(flaky);
    let mut client = EntraClient::new(Arc::clone(&flaky) as Arc<dyn Transport>, BASE).unwrap();
    time.run(async {
        for name in ["a", "b", "c"] {
            client.provision_user(name, &person(name)).await.unwrap();
        }
        client.provision_group("g", &named("G")).await.unwrap();
        let lost = client.add_members("g", &["a", "b", "c"]).await.unwrap_err();
        assert!(matches!(lost, Complaint::Unanswered { .. }));
        assert_eq!((client.group("g").unwrap().members.len(), client.check().await.unwrap()), (2, vec![]));
        let before = flaky.requests();
        assert_eq!(client.add_members("g", &["a", "b", "c"]).await.unwrap(), Outcome::Updated);
        assert_eq!((flaky.requests() - before, client.check().await.unwrap()), (1, vec![]));
    })
    .unwrap();
}
