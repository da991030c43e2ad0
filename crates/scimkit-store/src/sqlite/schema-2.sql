-- Version 2. How many resources a scope has stands in a table of its own, as in other databases.

CREATE TABLE scope_size (
    scope INTEGER NOT NULL REFERENCES scope ON DELETE CASCADE,
    shard INTEGER NOT NULL,
    resources INTEGER NOT NULL,
    PRIMARY KEY (scope, shard)
) STRICT, WITHOUT ROWID;
INSERT INTO scope_size (scope, shard, resources) SELECT scope, 0, resources FROM scope;
ALTER TABLE scope DROP COLUMN resources;
