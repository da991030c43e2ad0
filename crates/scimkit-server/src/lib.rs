//! A SCIM 2.0 service provider as a function from an HTTP request to an HTTP response.
