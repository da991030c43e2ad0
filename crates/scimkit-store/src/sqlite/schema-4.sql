-- Version 4. Marks divide the resources of a scope, in the order of their creation, into stretches whose lengths are known, so that a page
-- by index is found without walking to it; see marks.rs.

CREATE TABLE mark (
    scope INTEGER NOT NULL REFERENCES scope ON DELETE CASCADE,
    created_at BLOB NOT NULL,
    id TEXT NOT NULL,
    -- How many resources there are up to here, after the mark before this one.
    resources INTEGER NOT NULL,
    PRIMARY KEY (scope, created_at, id)
) STRICT, WITHOUT ROWID;
INSERT INTO mark (scope, created_at, id, resources)
SELECT scope, created_at, id, 2048
FROM (SELECT scope, created_at, id, row_number() OVER (PARTITION BY scope ORDER BY created_at, id) AS place FROM resource)
WHERE place % 2048 = 0;

CREATE TRIGGER resource_added AFTER INSERT ON resource BEGIN
    UPDATE mark SET resources = resources + 1
    WHERE scope = new.scope AND (created_at, id) =
        (SELECT m.created_at, m.id FROM mark m WHERE m.scope = new.scope AND (m.created_at, m.id) >= (new.created_at, new.id)
         ORDER BY m.created_at, m.id LIMIT 1);
END;

CREATE TRIGGER resource_removed AFTER DELETE ON resource BEGIN
    UPDATE mark SET resources = resources - 1
    WHERE scope = old.scope AND (created_at, id) =
        (SELECT m.created_at, m.id FROM mark m WHERE m.scope = old.scope AND (m.created_at, m.id) >= (old.created_at, old.id)
         ORDER BY m.created_at, m.id LIMIT 1);
END;
