//! Directories to provision from: Microsoft Graph delta queries, live or recorded as files.
