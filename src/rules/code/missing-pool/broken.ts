import pg from 'pg'

export async function nameOf(connectionString: string, id: number): Promise<string> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const { rows } = await client.query('SELECT name FROM users WHERE id = $1', [id])
  await client.end()
  return rows[0].name
}
