//! Attribute mappings with an expression language and scoping filters, from a source record to the desired SCIM attributes.
