-- Version 2. Marks divide the resources of a scope, in the order of their creation, into stretches whose lengths are known, so that a page
-- by index is found without walking to it; see marks.rs.

-- Nobody creates or deletes a resource between counting them and the triggers.
LOCK TABLE @resource IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE @mark (
    scope BIGINT NOT NULL,
    created_at BYTEA NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    -- How many resources there are up to here, after the mark before this one.
    resources BIGINT NOT NULL,
    PRIMARY KEY (scope, created_at, id)
);
INSERT INTO @mark (scope, created_at, id, resources)
SELECT scope, created_at, id, 2048
FROM (SELECT scope, created_at, id, row_number() OVER (PARTITION BY scope ORDER BY created_at, id) AS place FROM @resource) AS placed
WHERE place % 2048 = 0;

-- Runs when a transaction commits, so that what it locks is locked for a moment and last. Marks stay where they are while it does: the lock
-- is shared by those who count, and whoever divides the scope has it alone. Each statement sees what was committed before it.
CREATE FUNCTION @count_in_stretch() RETURNS trigger LANGUAGE plpgsql AS $scimkit$
DECLARE
    counted @resource%ROWTYPE;
    change BIGINT;
BEGIN
    IF TG_OP = 'INSERT' THEN
        counted := NEW;
        change := 1;
    ELSE
        counted := OLD;
        change := -1;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(1935894893, CAST(counted.scope & 2147483647 AS INTEGER));
    UPDATE @mark k SET resources = k.resources + change
    WHERE k.scope = counted.scope AND (k.created_at, k.id) =
        (SELECT m.created_at, m.id FROM @mark m WHERE m.scope = counted.scope AND (m.created_at, m.id) >= (counted.created_at, counted.id)
         ORDER BY m.created_at, m.id LIMIT 1);
    RETURN NULL;
END
$scimkit$;
CREATE CONSTRAINT TRIGGER resource_counted AFTER INSERT OR DELETE ON @resource
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION @count_in_stretch();
