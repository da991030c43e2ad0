//! SCIM PATCH both ways: apply operations, produce the smallest operations, compile them to typed changes (RFC 7644 section 3.5.2).
