-- holdfast: no-transaction
-- `holdfast trace` finds the events of a request. The log only grows at its end: a range of pages is
-- summarised once, when it is full, and appending an event writes nothing to the index.
CREATE INDEX CONCURRENTLY events_trace ON holdfast.events USING brin (
  request_id text_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.001)
) WITH (pages_per_range = 32, autosummarize = on);
