//! The kinds of deviations and the rules that they break.

macro_rules! kinds {
    ($($(#[$docs:meta])* $name:ident = $rule:literal, $text:literal;)*) => {
        /// What a peer does otherwise than the standard says, and can be understood nevertheless.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DeviationKind {
            $($(#[$docs])* $name,)*
        }

        impl DeviationKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The rule: the id of a requirement, as `docs/requirements.md` lists them, or a section of an RFC.
            pub const fn rule(self) -> &'static str {
                match self {
                    $(Self::$name => $rule,)*
                }
            }

            /// What the peer does, for people.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A body of another media type than `application/scim+json` or `application/json`.
    ContentType = "R7644-3.1-01", "the body is not called `application/scim+json`";
    /// A body that begins with a byte order mark.
    ByteOrderMark = "R8259-8.1-01", "the body begins with a byte order mark";
    /// A resource without `schemas`.
    MissingSchemas = "R7643-2.1-04", "a resource has no `schemas`";
    /// A list response that is not called one by its `schemas`.
    ListSchemas = "R7644-3.4.2-02", "`schemas` does not say that this is a list response";
    /// A bulk response that is not called one by its `schemas`.
    BulkSchemas = "R7644-3.7-02", "`schemas` does not say that this is a bulk response";
    /// A resource without an `id` where the request said it.
    MissingId = "R7643-3.1-04", "a resource has no `id`";
    /// A resource with another `id` than the one that was asked for.
    OtherId = "R7643-3.1-05", "the resource has another `id` than was asked for";
    /// A resource without `meta`, or without its type there.
    MissingMeta = "R7643-3.1-02", "a resource has no `meta.resourceType`";
    /// A password in an answer.
    Password = "R7643-4.1.1-09", "an answer holds a password";
    /// A create that was not answered by 201.
    CreateStatus = "R7644-3.3-04", "a create is answered by another status than 201";
    /// A create that was answered without the resource.
    CreateBody = "R7644-3.3-05", "a create is answered without the resource";
    /// A create that was answered without `Location`.
    MissingLocation = "R7644-3.3-06", "a create is answered without `Location`";
    /// A `Location` that is not `meta.location`.
    LocationDiffers = "R7643-3.1-15", "`Location` and `meta.location` differ";
    /// A delete that was not answered by 204 without a body.
    DeleteStatus = "R7644-3.6-01", "a delete is answered by something else than 204 without a body";
    /// A list response without `totalResults`, and without a cursor.
    MissingTotal = "R7644-3.4.2-03", "a list response has no `totalResults`";
    /// A number that was written as text.
    NumberAsText = "RFC 7643 section 2.3.4", "a number is written as text";
    /// A list response without `Resources` although there are results.
    MissingResources = "R7644-3.4.2-04", "there are results and no `Resources`";
    /// A page that is not everything and does not say where it stands.
    MissingPosition = "R7644-3.4.2-05", "a page that is not everything lacks `startIndex` or `itemsPerPage`";
    /// An `itemsPerPage` that is not the number of resources on the page.
    ItemsPerPage = "RFC 7644 section 3.4.2.4", "`itemsPerPage` is not the number of resources on the page";
    /// A page that starts elsewhere than was asked for.
    OtherStart = "R7644-3.4.2.4-02", "a page starts elsewhere than was asked for";
    /// A page with more resources than were asked for.
    TooManyResources = "R7644-3.4.2.4-05", "a page has more resources than were asked for";
    /// The answer to an error has no SCIM error.
    ErrorBody = "R7644-3.12-01", "an error is not told as a SCIM error";
    /// A SCIM error whose status is a number.
    ErrorStatusForm = "R7644-3.12-03", "the `status` of an error is not text";
    /// A SCIM error whose status is not that of the answer.
    ErrorStatusDiffers = "RFC 7644 section 3.12", "the `status` of an error is not that of the answer";
    /// A SCIM error with a keyword that is none.
    ErrorKeyword = "R7644-3.12-05", "the `scimType` of an error is none that is defined";
    /// A 401 without `WWW-Authenticate`.
    MissingChallenge = "R7644-2-01", "a 401 has no `WWW-Authenticate`";
    /// A `Retry-After` that is neither seconds nor a date.
    RetryAfterForm = "RFC 9110 section 10.2.3", "`Retry-After` is neither seconds nor a date";
    /// An `ETag` that is not an entity tag.
    EtagForm = "RFC 9110 section 8.8.3", "`ETag` is not an entity tag in quotes";
    /// An `ETag` that is not `meta.version`.
    EtagDiffers = "R7643-3.1-16", "`ETag` and `meta.version` differ";
    /// A `meta.version` without an `ETag`.
    MissingEtag = "R7644-3.14-01", "there is a `meta.version` and no `ETag`";
    /// A configuration without a member that it must have.
    ConfigMember = "R7643-5-02", "the configuration lacks a member";
    /// A configuration that comes in a list.
    ConfigForm = "R7644-4-01", "the configuration is not one object";
    /// Schemas or resource types that come in no list response.
    DiscoveryForm = "R7644-4-02", "schemas or resource types are not in a list response";
    /// An outcome of a bulk request without its `location`.
    BulkLocation = "R7644-3.7-14", "an outcome of a bulk request has no `location`";
    /// An outcome of a bulk request whose status is not text.
    BulkStatus = "R7644-3.7-16", "the `status` of an outcome of a bulk request is not text";
    /// An outcome of a bulk request that failed, without its error.
    BulkError = "R7644-3.7-15", "an outcome of a bulk request failed and has no error";
}
