//! A SCIM service provider for any client, over memory or SQLite.
