-- Version 5. Small records of a job's state stand apart from large ones, which seldom come and go.

LOCK TABLE @job_lease, @state IN ACCESS EXCLUSIVE MODE;
CREATE TABLE @state_entry (
    job BIGINT NOT NULL,
    tbl BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL
);
INSERT INTO @state_entry (job, tbl, key, value)
SELECT job, tbl, key, value FROM @state WHERE tbl IN (2, 5, 6, 8, 9, 11, 12, 13, 14, 16);
DELETE FROM @state WHERE tbl IN (2, 5, 6, 8, 9, 11, 12, 13, 14, 16);
ALTER TABLE @state_entry ADD PRIMARY KEY (job, tbl, key);
