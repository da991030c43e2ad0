-- Version 1. Comparison keys are made in Rust; every text compares by bytes. What belongs to a resource is deleted with it by the store:
-- foreign keys would be checked row by row.

-- The resources of one type and tenant.
CREATE TABLE @scope (
    scope BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    UNIQUE (tenant, resource_type)
);

-- How many resources a scope has: the sum of its shards.
CREATE TABLE @scope_size (
    scope BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    resources BIGINT NOT NULL,
    PRIMARY KEY (scope, shard)
);

-- Attributes whose elements are kept in `member`, apart from the documents of a scope.
CREATE TABLE @member_attribute (
    scope BIGINT NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (scope, attribute)
);

-- Documents as JSON text without `id`, `meta` and members; instants as order-preserving keys.
CREATE TABLE @resource (
    resource BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BYTEA NOT NULL,
    modified_at BYTEA NOT NULL,
    UNIQUE (scope, id)
);
-- With the number of the resource, so that a page far behind is found without reading the resources before it.
CREATE INDEX resource_by_creation ON @resource (scope, created_at, id) INCLUDE (resource);

CREATE TABLE @unique_key (
    scope BIGINT NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    resource BIGINT NOT NULL,
    PRIMARY KEY (scope, attribute, key)
);
CREATE INDEX unique_key_by_resource ON @unique_key (resource);

CREATE TABLE @member (
    resource BIGINT NOT NULL,
    attribute TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    scope BIGINT NOT NULL,
    position BIGINT NOT NULL,
    element TEXT NOT NULL,
    PRIMARY KEY (resource, attribute, value)
);
CREATE INDEX member_by_value ON @member (value, scope);
-- For the last position; without the attribute, so that it never looks as good as the primary key for finding one member.
CREATE INDEX member_by_position ON @member (resource, position);

-- One row for each value that a filter can reach.
CREATE TABLE @value (
    resource BIGINT NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    element BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    present SMALLINT NOT NULL,
    is_primary SMALLINT NOT NULL,
    folded TEXT COLLATE "C",
    exact TEXT COLLATE "C",
    boolean SMALLINT,
    number BYTEA,
    instant BYTEA,
    PRIMARY KEY (resource, path, element, ordinal)
);
CREATE INDEX value_by_text ON @value (scope, path, left(folded, 255)) WHERE folded IS NOT NULL;
CREATE INDEX value_by_instant ON @value (scope, path, instant) WHERE instant IS NOT NULL;

-- Provisioning state.
CREATE TABLE @state (
    job TEXT COLLATE "C" NOT NULL,
    tbl TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job, tbl, key)
);

CREATE TABLE @job_lease (
    job TEXT COLLATE "C" PRIMARY KEY,
    fence BIGINT NOT NULL,
    owner TEXT,
    expires_at BYTEA
);
