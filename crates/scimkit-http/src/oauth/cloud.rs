//! The addresses of Microsoft's clouds.

use http::Uri;
use http::uri::InvalidUri;
use serde::Deserialize;

/// Where a cloud of Microsoft stands: configuration, since national clouds have addresses of their own.
///
/// ```
/// use scimkit_http::oauth::Cloud;
///
/// let cloud = Cloud::us_government();
/// assert_eq!(cloud.token_address("contoso.example")?, "https://login.microsoftonline.us/contoso.example/oauth2/v2.0/token");
/// assert_eq!(cloud.graph_scope(), "https://graph.microsoft.us/.default");
/// # Ok::<(), http::uri::InvalidUri>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Cloud {
    /// The address of the authorization server, without a tenant and a slash at the end.
    pub authority: String,
    /// The address of Microsoft Graph, without a version and a slash at the end.
    pub graph: String,
    /// The address of the service that is provisioned, where that differs by cloud too.
    #[serde(default)]
    pub service: Option<String>,
}

impl Cloud {
    /// A cloud at these addresses.
    pub fn new(authority: impl Into<String>, graph: impl Into<String>) -> Self {
        let trimmed = |address: String| address.trim_end_matches('/').to_owned();
        Self { authority: trimmed(authority.into()), graph: trimmed(graph.into()), service: None }
    }

    /// This cloud with the address of the service that is provisioned.
    #[must_use]
    pub fn with_service(self, service: impl Into<String>) -> Self {
        Self { service: Some(service.into()), ..self }
    }

    /// The cloud for everybody.
    pub fn global() -> Self {
        Self::new("https://login.microsoftonline.com", "https://graph.microsoft.com")
    }

    /// The cloud of the government of the United States (L4).
    pub fn us_government() -> Self {
        Self::new("https://login.microsoftonline.us", "https://graph.microsoft.us")
    }

    /// The cloud of the Department of Defense of the United States (L5).
    pub fn us_government_dod() -> Self {
        Self::new("https://login.microsoftonline.us", "https://dod-graph.microsoft.us")
    }

    /// The cloud in China, run by 21Vianet.
    pub fn china() -> Self {
        Self::new("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn")
    }

    /// Where people consent for a tenant.
    ///
    /// # Errors
    /// [`InvalidUri`] if the authority and the tenant make no address.
    pub fn authorize_address(&self, tenant: &str) -> Result<Uri, InvalidUri> {
        format!("{}/{tenant}/oauth2/v2.0/authorize", self.authority).parse()
    }

    /// Where tokens for a tenant come from.
    ///
    /// # Errors
    /// [`InvalidUri`] if the authority and the tenant make no address.
    pub fn token_address(&self, tenant: &str) -> Result<Uri, InvalidUri> {
        format!("{}/{tenant}/oauth2/v2.0/token", self.authority).parse()
    }

    /// The scope that stands for all permissions of Microsoft Graph that an application was given.
    pub fn graph_scope(&self) -> String {
        format!("{}/.default", self.graph)
    }
}
