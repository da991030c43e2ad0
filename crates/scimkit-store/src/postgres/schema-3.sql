-- Version 3. Records of a job's state stand under the numbers of the job and the table, which makes the index smaller and comparing its keys
-- cheaper. How many records each table has is kept count of, so that telling it does not read them all.

LOCK TABLE @job_lease, @state IN ACCESS EXCLUSIVE MODE;
ALTER TABLE @job_lease ADD COLUMN number BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;
INSERT INTO @job_lease (job, fence) SELECT DISTINCT job, 0 FROM @state ON CONFLICT DO NOTHING;

CREATE TABLE @state_record (
    job BIGINT NOT NULL,
    tbl BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL
);
INSERT INTO @state_record (job, tbl, key, value)
SELECT l.number, t.number, s.key, s.value
FROM @state s
JOIN @job_lease l ON l.job = s.job
JOIN (VALUES
    (0, 'job'), (1, 'record'), (2, 'pending'), (3, 'plan'), (4, 'link'), (5, 'link_by_target'), (6, 'link_by_match'), (7, 'intent'),
    (8, 'escrow'), (9, 'waiting'), (10, 'listing'), (11, 'assignment'), (12, 'seen'), (13, 'claim'), (14, 'entitlement'), (15, 'log')
) AS t (number, name) ON t.name = s.tbl;
DROP TABLE @state;
ALTER TABLE @state_record RENAME TO state;
ALTER TABLE @state ADD PRIMARY KEY (job, tbl, key);

CREATE TABLE @state_size (
    job BIGINT NOT NULL,
    tbl BIGINT NOT NULL,
    records BIGINT NOT NULL,
    PRIMARY KEY (job, tbl)
);
INSERT INTO @state_size (job, tbl, records) SELECT job, tbl, count(*) FROM @state GROUP BY job, tbl;
