export const table =
  'CREATE TABLE jobs (id bigint PRIMARY KEY, state text NOT NULL, due timestamptz)'
/** Partial: of the millions that are done, none is in it. */
export const indexes: readonly string[] = [
  "CREATE INDEX jobs_waiting ON jobs (due) WHERE state = 'waiting'",
]
export const query =
  "SELECT id FROM jobs WHERE state = 'waiting' AND due <= now() ORDER BY due LIMIT 10"
