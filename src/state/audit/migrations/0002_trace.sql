-- holdfast: no-transaction
-- `holdfast trace` finds the entries of a request, and of what shares its trace, among millions. A
-- B-tree over such ids would be written to by every command. The table only grows at its end, so a
-- summary of each range of pages does: it is made once the range is full, by the server's own
-- maintenance, and the insert of an entry writes nothing to it. 32 pages hold about a thousand entries,
-- and two filters for so many fit twice on a page.
CREATE INDEX CONCURRENTLY audit_entries_trace ON holdfast.audit_entries USING brin (
  request_id text_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.001),
  trace_id text_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.001)
) WITH (pages_per_range = 32, autosummarize = on);
