-- Version 7. Small records of a job's state stand in an index of their own, in the order of their keys: each is found and changed in one place,
-- and what is removed together lies together.

CREATE TABLE state_entry (
    job INTEGER NOT NULL,
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job, tbl, key)
) STRICT, WITHOUT ROWID;
INSERT INTO state_entry (job, tbl, key, value)
SELECT job, tbl, key, value FROM state WHERE tbl IN (2, 5, 6, 8, 9, 11, 12, 13, 14, 16) ORDER BY job, tbl, key;
DELETE FROM state WHERE tbl IN (2, 5, 6, 8, 9, 11, 12, 13, 14, 16);
