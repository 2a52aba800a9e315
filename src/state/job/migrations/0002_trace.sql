-- holdfast: no-transaction
-- `holdfast trace` finds the jobs of a request. Pages of the history are used again after pruning,
-- which would wear summaries of ranges out: B-trees, written where jobs are settled, many at a time
-- and while nobody waits. Jobs that wait are found by their ids, which begin with the time.
CREATE INDEX CONCURRENTLY job_history_trace ON holdfast.job_history (request_id);
CREATE INDEX CONCURRENTLY dead_jobs_trace ON holdfast.dead_jobs (request_id);
