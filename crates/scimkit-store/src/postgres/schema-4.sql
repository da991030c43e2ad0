-- Version 4. Beside its lease a job has the instant from which on it is handed out to those who ask for work, and why it is not.

LOCK TABLE @job_lease, @state, @state_size IN ACCESS EXCLUSIVE MODE;
ALTER TABLE @job_lease ADD COLUMN due_at BYTEA, ADD COLUMN withheld TEXT;

-- Whether a job is run stood in a record of a job of its own.
INSERT INTO @job_lease (job, fence, withheld)
SELECT substr(l.job, 1, length(l.job) - 8), 0, CASE WHEN s.value LIKE '%"Disabled"%' THEN 'Disabled' ELSE 'Paused' END
FROM @job_lease l
JOIN @state s ON s.job = l.number AND s.tbl = 0 AND s.key = 'control'
WHERE l.job LIKE '%/control' AND (s.value LIKE '%"Disabled"%' OR s.value LIKE '%"Paused"%')
ON CONFLICT (job) DO UPDATE SET withheld = excluded.withheld;
DELETE FROM @state WHERE tbl = 0 AND key = 'control' AND job IN (SELECT number FROM @job_lease WHERE job LIKE '%/control');
DELETE FROM @state_size
WHERE job IN (SELECT number FROM @job_lease WHERE job LIKE '%/control') AND job NOT IN (SELECT job FROM @state);
DELETE FROM @job_lease WHERE job LIKE '%/control' AND number NOT IN (SELECT job FROM @state);

-- Who asks for work looks at these few and not at all jobs.
CREATE INDEX job_lease_by_due ON @job_lease (due_at, number) WHERE withheld IS NULL AND due_at IS NOT NULL;
CREATE INDEX job_lease_held ON @job_lease (number) WHERE owner IS NOT NULL;
