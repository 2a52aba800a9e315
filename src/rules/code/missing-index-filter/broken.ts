export const table =
  'CREATE TABLE jobs (id bigint PRIMARY KEY, state text NOT NULL, due timestamptz)'
export const indexes: readonly string[] = []
export const query =
  "SELECT id FROM jobs WHERE state = 'waiting' AND due <= now() ORDER BY due LIMIT 10"
