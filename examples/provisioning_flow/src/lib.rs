//! The whole provisioning flow: a directory, a service provider and the cycles between them.
