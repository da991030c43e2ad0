-- Version 1. Comparison keys are made in Rust; every text compares by bytes.

-- The resources of one type and tenant, and how many there are.
CREATE TABLE scope (
    scope INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resources INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, resource_type)
) STRICT;

-- Attributes whose elements are kept in `member`, apart from the documents of a scope.
CREATE TABLE member_attribute (
    scope INTEGER NOT NULL REFERENCES scope ON DELETE CASCADE,
    attribute TEXT NOT NULL,
    PRIMARY KEY (scope, attribute)
) STRICT, WITHOUT ROWID;

-- Documents as JSON text without `id`, `meta` and members; instants as order-preserving keys.
CREATE TABLE resource (
    resource INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope ON DELETE CASCADE,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at BLOB NOT NULL,
    modified_at BLOB NOT NULL,
    UNIQUE (scope, id)
) STRICT;
CREATE INDEX resource_by_creation ON resource (scope, created_at, id);

CREATE TABLE unique_key (
    scope INTEGER NOT NULL,
    attribute TEXT NOT NULL,
    key TEXT NOT NULL,
    resource INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE,
    PRIMARY KEY (scope, attribute, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX unique_key_by_resource ON unique_key (resource);

CREATE TABLE member (
    resource INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE,
    attribute TEXT NOT NULL,
    value TEXT NOT NULL,
    scope INTEGER NOT NULL,
    position INTEGER NOT NULL,
    element TEXT NOT NULL,
    PRIMARY KEY (resource, attribute, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_value ON member (scope, value);
CREATE INDEX member_by_position ON member (resource, position);

-- One row for each value that a filter can reach; see values.rs.
CREATE TABLE value (
    resource INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE,
    path TEXT NOT NULL,
    element INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    present INTEGER NOT NULL,
    is_primary INTEGER NOT NULL,
    folded TEXT,
    exact TEXT,
    boolean INTEGER,
    number BLOB,
    instant BLOB,
    PRIMARY KEY (resource, path, element, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX value_by_text ON value (scope, path, folded) WHERE folded IS NOT NULL;
CREATE INDEX value_by_instant ON value (scope, path, instant) WHERE instant IS NOT NULL;

-- Provisioning state.
CREATE TABLE state (
    job TEXT NOT NULL,
    tbl TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job, tbl, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_lease (
    job TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    owner TEXT,
    expires_at BLOB
) STRICT, WITHOUT ROWID;
