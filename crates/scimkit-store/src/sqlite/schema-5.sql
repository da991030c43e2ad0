-- Version 5. Records of a job's state stand under the numbers of the job and the table, which makes the index smaller and comparing its keys
-- cheaper. Whoever writes records counts them: a trigger would count one by one.

CREATE TABLE job_number (
    number INTEGER PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    fence INTEGER NOT NULL,
    owner TEXT,
    expires_at BLOB
) STRICT;
INSERT INTO job_number (job, fence, owner, expires_at) SELECT job, fence, owner, expires_at FROM job_lease;
INSERT INTO job_number (job, fence) SELECT DISTINCT job, 0 FROM state WHERE job NOT IN (SELECT job FROM job_lease);
DROP TABLE job_lease;
ALTER TABLE job_number RENAME TO job_lease;

CREATE TABLE state_record (
    job INTEGER NOT NULL,
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;
INSERT INTO state_record (job, tbl, key, value)
SELECT l.number, t.number, s.key, s.value
FROM state s
JOIN job_lease l ON l.job = s.job
JOIN (SELECT column1 AS number, column2 AS name FROM (VALUES
    (0, 'job'), (1, 'record'), (2, 'pending'), (3, 'plan'), (4, 'link'), (5, 'link_by_target'), (6, 'link_by_match'), (7, 'intent'),
    (8, 'escrow'), (9, 'waiting'), (10, 'listing'), (11, 'assignment'), (12, 'seen'), (13, 'claim'), (14, 'entitlement'), (15, 'log')
)) t ON t.name = s.tbl
ORDER BY l.number, t.number, s.key;
DROP TABLE state;
ALTER TABLE state_record RENAME TO state;
CREATE UNIQUE INDEX state_key ON state (job, tbl, key);

DROP TABLE state_size;
CREATE TABLE state_size (
    job INTEGER NOT NULL,
    tbl INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (job, tbl)
) STRICT, WITHOUT ROWID;
INSERT INTO state_size (job, tbl, records) SELECT job, tbl, count(*) FROM state GROUP BY job, tbl;
