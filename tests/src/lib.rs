//! Whole chains of scimkit over sockets, databases and killed processes.
