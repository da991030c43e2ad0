//! Stores for SCIM resources and provisioning state, in memory and in SQLite, with a conformance suite.
