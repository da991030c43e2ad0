-- Version 3. Records of a job's state stand in the order in which they came, and a small index finds them: records are large, and an index
-- that holds them has many levels and is written all over. How many records each table has is kept count of, so that telling it does not
-- read them all.

CREATE TABLE state_record (
    job TEXT NOT NULL,
    tbl TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;
INSERT INTO state_record (job, tbl, key, value) SELECT job, tbl, key, value FROM state ORDER BY job, tbl, key;
DROP TABLE state;
ALTER TABLE state_record RENAME TO state;
CREATE UNIQUE INDEX state_key ON state (job, tbl, key);

CREATE TABLE state_size (
    job TEXT NOT NULL,
    tbl TEXT NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (job, tbl)
) STRICT, WITHOUT ROWID;
INSERT INTO state_size (job, tbl, records) SELECT job, tbl, count(*) FROM state GROUP BY job, tbl;

CREATE TRIGGER state_added AFTER INSERT ON state BEGIN
    INSERT INTO state_size (job, tbl, records) VALUES (new.job, new.tbl, 1)
    ON CONFLICT (job, tbl) DO UPDATE SET records = records + 1;
END;

CREATE TRIGGER state_removed AFTER DELETE ON state BEGIN
    UPDATE state_size SET records = records - 1 WHERE job = old.job AND tbl = old.tbl;
END;
