//! A SCIM 2.0 client over any transport: requests and responses without I/O, retry, authorization and rate limits as wrappers.
