//! Provisioning cycles that keep a SCIM service in step with what a directory and its attribute mappings say.
