import type { Pool } from 'pg'

export interface Pools {
  readonly primary: Pool
  readonly replica: Pool
}

/** The position of the log after the write; the client hands it back with its next read. */
export async function rename({ primary }: Pools, id: number, name: string): Promise<string> {
  await primary.query('UPDATE users SET name = $2 WHERE id = $1', [id, name])
  const { rows } = await primary.query('SELECT pg_current_wal_insert_lsn()::text AS position')
  return rows[0].position
}

export async function nameOf({ primary, replica }: Pools, id: number, position?: string) {
  const caughtUp =
    position === undefined ||
    (await replica.query('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS ok', [position])).rows[0]
      .ok
  const { rows } = await (caughtUp ? replica : primary).query(
    'SELECT id, name FROM users WHERE id = $1',
    [id],
  )
  return rows[0]
}
