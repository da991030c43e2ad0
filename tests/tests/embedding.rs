//! Client and server in one process: the client talks to anything that answers requests, the server is a function.

use std::sync::Arc;

use futures_util::TryStreamExt;
use http::Request;
use scimkit_client::request::Selection;
use scimkit_client::{Bytes, PageSize, Transport, TransportError, transport_fn};
use scimkit_e2e::{BASE, Company, Content, ServiceKind, World, client};
use scimkit_store::MemoryState;
use scimkit_testing::VirtualTime;
use scimkit_types::{OperationKind, PatchOp, PatchOperation, Profile, Resource, SearchRequest, Value, schema};

fn world(profile: Profile, time: &VirtualTime) -> World {
    World::new(profile, Arc::new(MemoryState::new()), time.clock())
}

/// The client and the server know no carrier: a closure is enough between them, for every kind of call.
#[test]
fn a_closure_is_a_carrier() {
    let time = VirtualTime::default();
    let server = world(Profile::standard(), &time).service.server;
    let transport = transport_fn(move |request: Request<Bytes>| {
        let server = server.clone();
        async move { Ok::<_, TransportError>(server.handle(request).await) }
    });
    let client = client(transport, BASE);
    time.run(async {
        let mut ola = Resource::new([schema::USER]);
        ola.insert("userName", "ola@example.com");
        let created = client.create("/Users", &ola).await.unwrap();
        let id = created.id().unwrap();

        let title = PatchOperation::new(OperationKind::Replace, Some("title".to_owned()), Some(Value::from("Clerk")));
        client.patch("/Users", id, &PatchOp::new(vec![title]).to_json(), None).await.unwrap();
        let read = client.get("/Users", id, &Selection::Default).await.unwrap();
        assert_eq!(read.get("title").and_then(Value::as_str), Some("Clerk"));

        let mut request = SearchRequest::default();
        request.filter = Some("userName eq \"OLA@example.com\"".to_owned());
        assert_eq!(client.query("/Users", &request).await.unwrap().total_results, 1);
        assert_eq!(client.search("/Users", &request).await.unwrap().total_results, 1);

        client.delete("/Users", id, None).await.unwrap();
        assert!(client.get("/Users", id, &Selection::Default).await.unwrap_err().is_gone());
        let left: Vec<Resource> =
            client.query_all("/Users", &SearchRequest::default(), PageSize::new(10).unwrap()).try_collect().await.unwrap();
        assert!(left.is_empty());
        assert!(!client.schemas().await.unwrap().is_empty());
        assert!(client.service_provider_config().await.unwrap().as_complex().is_some());
    })
    .unwrap();
}

fn can_be_spawned<T: Send>(future: T) -> T {
    future
}

/// A whole company flows through the closure, and a cycle can run on any thread of a runtime.
#[test]
fn the_engine_runs_in_the_process_of_its_service() {
    let time = VirtualTime::default();
    let company = Company::new(40, 4);
    for kind in ServiceKind::ALL {
        let world = world(kind.profile(), &time);
        let engine = world.engine(kind.job(kind.profile()), company.on_day(1), world.service.transport());
        time.run(can_be_spawned(engine.test_connection())).unwrap().unwrap();
        let report = time.run(can_be_spawned(engine.run_cycle())).unwrap().unwrap();
        let content = time.run(Content::of(world.service.store.as_ref())).unwrap();
        assert!(report.created >= u64::try_from(content.users()).unwrap() && content.users() > 30, "{report:?}");
        let linked = time.run(can_be_spawned(engine.linked())).unwrap().unwrap();
        assert_eq!(linked.len(), content.resources.len());
        assert!(!time.run(can_be_spawned(engine.unprovisioned())).unwrap().unwrap().is_empty());
    }
}

/// A service without PATCH is written by PUT, with all that it has of others, and ends with the same content after both days.
#[test]
fn a_service_without_patch_ends_with_the_same_content() {
    let company = Company::new(40, 4);
    for kind in ServiceKind::ALL {
        let [with_patch, without] = [true, false].map(|has_patch| {
            let time = VirtualTime::default();
            let mut profile = kind.profile();
            profile.features.patch = has_patch;
            let world = world(profile.clone(), &time);
            let service = Arc::new(world.service.transport());
            let wire = transport_fn(move |request: Request<Bytes>| {
                let service = Arc::clone(&service);
                async move {
                    assert!(has_patch || request.method() != http::Method::PATCH);
                    service.send(request).await
                }
            });
            let wire = Arc::new(wire);
            for day in [1, 2] {
                let engine = world.engine(kind.job(profile.clone()), company.on_day(day), Arc::clone(&wire));
                let report = time.run(engine.run_cycle()).unwrap().unwrap();
                assert!(report.updated > 0 || day == 1, "{report:?}");
            }
            time.run(Content::of(world.service.store.as_ref())).unwrap()
        });
        without.assert_is(&with_patch, &format!("{kind:?}"));
    }
}
