//! A directory provisions the accounts of the wiki, and people use them.
#![expect(clippy::unwrap_used, reason = "a helper of tests reports by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use scimkit_example_embedded_product::{Account, Accounts, application};
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

struct Wiki {
    address: SocketAddr,
    accounts: Arc<Accounts>,
}

impl Wiki {
    async fn start() -> Self {
        let accounts = Arc::new(Accounts::new());
        accounts.add(Account { login: "admin".to_owned(), is_active: true, is_administrator: true, ..Account::default() }).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = application(Arc::clone(&accounts), "https://wiki.example.com/scim/v2", &"secret".into()).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, accounts }
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: String) -> (u16, String) {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        let address = self.address;
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn scim(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = "Authorization: Bearer secret\r\nContent-Type: application/scim+json\r\n";
        let (status, body) = self.send(method, &format!("/scim/v2{path}"), headers, text).await;
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    async fn patch(&self, id: &str, operations: Value) -> (u16, Value) {
        self.scim("PATCH", &format!("/Users/{id}"), json!({"schemas": [PATCH], "Operations": operations})).await
    }

    async fn sign_in(&self, login: &str, password: &str) -> u16 {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", "/sign-in", headers, format!("login={login}&password={password}")).await.0
    }

    async fn people(&self) -> String {
        self.send("GET", "/", "", String::new()).await.1
    }
}

fn ola() -> Value {
    json!({"schemas": [USER], "userName": "ola", "externalId": "e1", "displayName": "Ola Nordmann", "password": "hush-hush",
        "emails": [{"value": "ola@example.com", "type": "work", "primary": true}]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_creates_changes_disables_and_deletes_accounts() {
    let wiki = Wiki::start().await;
    let (status, created) = wiki.scim("POST", "/Users", ola()).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!((&created["id"], &created["meta"]["location"]), (&json!("2"), &json!("https://wiki.example.com/scim/v2/Users/2")));
    assert!(!created.to_string().contains("hush"));
    assert_eq!(wiki.people().await, "admin\nOla Nordmann\n");
    assert_eq!(
        (wiki.sign_in("ola", "hush-hush").await, wiki.sign_in("ola", "wrong").await, wiki.sign_in("nobody", "x").await),
        (200, 401, 401)
    );

    let (status, found) = wiki.scim("GET", "/Users?filter=externalId+eq+%22e1%22&attributes=emails.value", Value::Null).await;
    assert_eq!((status, &found["totalResults"]), (200, &json!(1)));
    assert_eq!(found["Resources"][0]["emails"], json!([{"value": "ola@example.com"}]));

    let operations = json!([
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "on@example.com"},
    ]);
    let (status, patched) = wiki.patch("2", operations.clone()).await;
    assert_eq!((status, &patched["active"], &patched["meta"]["version"]), (200, &json!(false), &json!("W/\"2\"")));
    assert_eq!(wiki.accounts.find(2).unwrap().email.as_deref(), Some("on@example.com"));
    assert_eq!(wiki.patch("2", operations).await.1["meta"]["version"], "W/\"2\"");
    assert_eq!((wiki.people().await.as_str(), wiki.sign_in("ola", "hush-hush").await), ("admin\n", 401));

    assert_eq!(wiki.scim("PUT", "/Users/2", json!({"schemas": [USER], "userName": "ola", "active": true})).await.0, 200);
    assert_eq!(wiki.sign_in("ola", "hush-hush").await, 200, "a replace without a password keeps it");
    assert_eq!(wiki.patch("2", json!([{"op": "replace", "path": "password", "value": "whisper"}])).await.0, 200);
    assert_eq!((wiki.sign_in("ola", "hush-hush").await, wiki.sign_in("ola", "whisper").await), (401, 200));

    assert_eq!(wiki.scim("DELETE", "/Users/2", Value::Null).await.0, 204);
    assert_eq!((wiki.scim("GET", "/Users/2", Value::Null).await.0, wiki.accounts.all().len()), (404, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_product_keeps_its_rules() {
    let wiki = Wiki::start().await;
    assert_eq!(wiki.scim("POST", "/Users", json!({"schemas": [USER], "userName": "ADMIN"})).await.1["scimType"], "uniqueness");
    let (status, refused) = wiki.scim("DELETE", "/Users/1", Value::Null).await;
    assert_eq!((status, &refused["detail"]), (409, &json!("the last administrator of the wiki cannot be deleted")));
    wiki.accounts.add(Account { login: "second".to_owned(), is_administrator: true, ..Account::default() }).unwrap();
    assert_eq!(wiki.scim("DELETE", "/Users/1", Value::Null).await.0, 204);
    assert_eq!(wiki.scim("GET", "/Users/01", Value::Null).await.0, 404);
    assert_eq!(wiki.patch("2", json!([{"op": "remove", "path": "userName"}])).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_product_says_what_it_has_and_stands_beside_the_server() {
    let wiki = Wiki::start().await;
    assert_eq!(wiki.send("GET", "/health", "", String::new()).await, (200, "up\n".to_owned()));
    assert_eq!(wiki.send("GET", "/ready", "", String::new()).await.0, 200);
    assert_eq!(wiki.send("GET", "/scim/v2/Users", "", String::new()).await.0, 401);
    let (_, config) = wiki.scim("GET", "/ServiceProviderConfig", Value::Null).await;
    assert_eq!((&config["changePassword"]["supported"], &config["sort"]["supported"]), (&json!(true), &json!(false)));
    let (_, types) = wiki.scim("GET", "/ResourceTypes", Value::Null).await;
    assert_eq!((&types["totalResults"], &types["Resources"][0]["name"]), (&json!(1), &json!("User")));
}
