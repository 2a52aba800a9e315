import type { Pool } from 'pg'

export interface Pools {
  readonly primary: Pool
  readonly replica: Pool
}

export async function rename({ primary, replica }: Pools, id: number, name: string) {
  await primary.query('UPDATE users SET name = $2 WHERE id = $1', [id, name])
  const { rows } = await replica.query('SELECT id, name FROM users WHERE id = $1', [id])
  return rows[0]
}
