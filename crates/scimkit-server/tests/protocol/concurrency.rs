//! Many requests at once.

use std::future::Future;
use std::sync::Arc;

use serde_json::json;

use super::support::{PATCH, Service, USER};

/// Runs a test whose tasks are on four threads.
fn on_threads(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().block_on(test);
}

async fn all(tasks: Vec<tokio::task::JoinHandle<u16>>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

/// IR24: members that are added at the same time are all kept.
#[test]
fn members_added_at_once_are_all_kept() {
    on_threads(async {
        let service = Arc::new(Service::new());
        let group = service.group("guides", &[]).await;
        let tasks = (0..50).map(|index| {
            let (service, path) = (Arc::clone(&service), format!("/Groups/{group}"));
            tokio::spawn(async move {
                let operations = json!([{"op": "add", "path": "members", "value": [{"value": format!("u{index}")}]}]);
                service.patch(&path, operations).await.status
            })
        });
        assert_eq!(all(tasks.collect()).await, vec![204; 50]);
        let read = service.get(&format!("/Groups/{group}")).await;
        assert_eq!(read.body["members"].as_array().unwrap().len(), 50);
        assert_eq!(read.header("etag"), "W/\"51\"");
    });
}

/// R7232-3.1-02, invariant 12: of two writes that expect the same version, one is done.
#[test]
fn one_of_many_conditional_writes_is_done() {
    on_threads(async {
        let service = Arc::new(Service::new());
        service.user("ola").await;
        let tasks = (0..20).map(|index| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let body = json!({"schemas": [USER], "userName": "ola", "title": format!("t{index}")}).to_string();
                service.send("PUT", "/Users/id1", &["if-match: W/\"1\""], body).await.status
            })
        });
        let statuses = all(tasks.collect()).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 19);
    });
}

/// Writes without a precondition do not lose each other's attributes.
#[test]
fn unconditional_patches_are_all_done() {
    on_threads(async {
        let service = Arc::new(Service::new());
        service.user("ola").await;
        let attributes = ["title", "nickName", "displayName", "userType", "locale"];
        let tasks = attributes.map(|attribute| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let body = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": attribute, "value": "en"}]}).to_string();
                service.send("PATCH", "/Users/id1", &[], body).await.status
            })
        });
        assert_eq!(all(tasks.into()).await, vec![200; 5]);
        let read = service.get("/Users/id1").await.body;
        assert!(attributes.iter().all(|attribute| read[attribute] == "en"), "{read}");
    });
}
