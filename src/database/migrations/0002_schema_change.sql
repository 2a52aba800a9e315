-- The transaction id of the newest migration: set just before it commits, seen by everybody at once.
-- To a snapshot that is older than a migration, a table that the migration has rewritten is empty
-- (manual, 13.6); whoever keeps a snapshot compares it with this before the result counts.
CREATE SEQUENCE holdfast.schema_change AS bigint MINVALUE 0 START 0;
GRANT SELECT ON SEQUENCE holdfast.schema_change TO holdfast_app, holdfast_loops, holdfast_backup;
