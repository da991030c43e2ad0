//! A service provider and a client of it in one program, without a port between them.

use std::sync::Arc;

use scimkit::client::{Authorized, BearerToken, Client, StaticToken, transport_fn};
use scimkit::server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit::store::{MemoryResources, Tenant};
use scimkit::types::{Resource, SearchRequest, schema};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let handler = StoreHandler::new(Arc::new(MemoryResources::new()));
    let tokens = BearerTokens::new().with_token(&"secret".into(), Actor::new("directory", Tenant::default()));
    let server = Server::builder(Arc::new(handler), Arc::new(tokens)).base_url("https://example.com/scim/v2").build()?;

    let transport = transport_fn(move |request| {
        let server = server.clone();
        async move { Ok(server.handle(request).await) }
    });
    let authorized = Authorized::new(transport, StaticToken::new(BearerToken::new("secret")?));
    let client = Client::new(Arc::new(authorized), "https://example.com/scim/v2".parse()?)?;

    let mut user = Resource::new([schema::USER]);
    user.insert("userName", "ola@example.com");
    client.create("/Users", &user).await?;

    let mut request = SearchRequest::default();
    request.filter = Some(r#"userName sw "OLA""#.to_owned());
    let found = client.query("/Users", &request).await?;
    assert_eq!(found.total_results, 1);
    Ok(())
}
