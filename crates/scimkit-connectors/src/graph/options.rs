//! What to read, and how much.

/// How a directory is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphOptions {
    /// The address below which the endpoints stand. Default `https://graph.microsoft.com/v1.0`; national clouds have their own, such as
    /// `https://graph.microsoft.us/v1.0` and `https://microsoftgraph.chinacloudapi.cn/v1.0`.
    pub base: String,
    /// The id of the application's service principal, whose assignments count.
    pub service_principal_id: String,
    /// The properties of users that are tracked. Default: those that provisioning mappings use, and `manager`.
    pub user_properties: Vec<String>,
    /// The properties of groups that are tracked. Default: names, kind and `members`.
    pub group_properties: Vec<String>,
    /// How much is accepted.
    pub limits: GraphLimits,
}

const USER_PROPERTIES: &[&str] = &[
    "id",
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "displayName",
    "jobTitle",
    "department",
    "employeeId",
    "mobilePhone",
    "businessPhones",
    "streetAddress",
    "city",
    "state",
    "postalCode",
    "country",
    "accountEnabled",
    "userType",
    "mailNickname",
    "preferredLanguage",
    "manager",
];

const GROUP_PROPERTIES: &[&str] =
    &["id", "displayName", "description", "mailNickname", "mailEnabled", "securityEnabled", "groupTypes", "members"];

impl GraphOptions {
    /// The defaults for an application's service principal.
    pub fn new(service_principal_id: impl Into<String>) -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            base: "https://graph.microsoft.com/v1.0".to_owned(),
            service_principal_id: service_principal_id.into(),
            user_properties: names(USER_PROPERTIES),
            group_properties: names(GROUP_PROPERTIES),
            limits: GraphLimits::default(),
        }
    }

    /// These options with another address.
    #[must_use]
    pub fn with_base(self, base: impl Into<String>) -> Self {
        Self { base: base.into(), ..self }
    }

    /// These options with other properties of users.
    #[must_use]
    pub fn with_user_properties(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { user_properties: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// These options with other properties of groups.
    #[must_use]
    pub fn with_group_properties(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { group_properties: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// These options with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: GraphLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// How much of a directory is accepted; more is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "written out by those who set other limits")]
pub struct GraphLimits {
    /// Bytes of a page. Default 16 MiB.
    pub page_bytes: usize,
    /// Pages of a round. Default 1,000,000.
    pub pages_per_round: u64,
    /// Objects of a round, and assignments. Default 10,000,000.
    pub objects_per_round: u64,
}

impl Default for GraphLimits {
    fn default() -> Self {
        Self { page_bytes: 16 << 20, pages_per_round: 1_000_000, objects_per_round: 10_000_000 }
    }
}
