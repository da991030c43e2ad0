//! The configuration of a service provider (RFC 7643 section 5, RFC 9865 section 4).

use super::field::{Field, Single, ViewError, resource_view, view};
use crate::resource::{Meta, Resource};
use crate::schema::SERVICE_PROVIDER_CONFIG;
use crate::value::{ComplexValue, Value};

view! {
    /// What a service provider can do. A feature that the document does not name is `None`.
    ServiceProviderConfig {
        /// The address of the documentation for people.
        documentation_uri: Option<String> = "documentationUri",
        /// PATCH requests.
        patch: Option<Support> = "patch",
        /// Bulk requests.
        bulk: Option<BulkSupport> = "bulk",
        /// Filters.
        filter: Option<FilterSupport> = "filter",
        /// Changing passwords.
        change_password: Option<Support> = "changePassword",
        /// Sorting.
        sort: Option<Support> = "sort",
        /// Entity tags.
        etag: Option<Support> = "etag",
        /// Pages.
        pagination: Option<Pagination> = "pagination",
        /// The ways in which a client can authenticate itself.
        authentication_schemes: Vec<AuthenticationScheme> = "authenticationSchemes",
    }
}

resource_view!(ServiceProviderConfig);

impl ServiceProviderConfig {
    #[expect(clippy::unused_self, reason = "called by the macro, which is the same for users")]
    fn set_schemas(&self, resource: &mut Resource) {
        resource.set_schemas([SERVICE_PROVIDER_CONFIG]);
    }
}

view! {
    /// Whether there is a feature.
    Support {
        /// Whether there is the feature.
        supported: bool = "supported",
    }
}

impl Support {
    /// A feature that is there or not.
    pub fn new(supported: bool) -> Self {
        Self { supported, ..Self::default() }
    }
}

view! {
    /// Whether there are bulk requests, and how large they can be.
    BulkSupport {
        /// Whether there are bulk requests.
        supported: bool = "supported",
        /// The most operations of one request.
        max_operations: Option<u64> = "maxOperations",
        /// The most bytes of one request.
        max_payload_size: Option<u64> = "maxPayloadSize",
    }
}

view! {
    /// Whether there are filters, and how many resources they can select.
    FilterSupport {
        /// Whether there are filters.
        supported: bool = "supported",
        /// The most resources of one response.
        max_results: Option<u64> = "maxResults",
    }
}

view! {
    /// How long results are divided into pages (RFC 9865 section 4).
    Pagination {
        /// Whether pages can be asked for by cursor.
        cursor: bool = "cursor",
        /// Whether pages can be asked for by index.
        index: bool = "index",
        /// The method that is used when the request names none: `cursor` or `index`.
        default_pagination_method: Option<String> = "defaultPaginationMethod",
        /// How many resources a page has when the request does not say.
        default_page_size: Option<u64> = "defaultPageSize",
        /// The most resources of a page.
        max_page_size: Option<u64> = "maxPageSize",
        /// The seconds for which a cursor is good at least.
        cursor_timeout: Option<u64> = "cursorTimeout",
    }
}

view! {
    /// A way in which a client can authenticate itself.
    AuthenticationScheme {
        /// The kind of scheme, such as `oauthbearertoken`.
        type_: Option<String> = "type",
        /// The name of the scheme.
        name: Option<String> = "name",
        /// What the scheme is, for people.
        description: Option<String> = "description",
        /// The address of the scheme's specification.
        spec_uri: Option<String> = "specUri",
        /// The address of help with the scheme.
        documentation_uri: Option<String> = "documentationUri",
        /// Whether this is the preferred scheme.
        primary: Option<bool> = "primary",
    }
}
