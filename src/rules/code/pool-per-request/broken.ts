import pg from 'pg'

export function createHandler(connectionString: string) {
  return async (id: number): Promise<string> => {
    const pool = new pg.Pool({ connectionString })
    const { rows } = await pool.query('SELECT name FROM users WHERE id = $1', [id])
    return rows[0].name
  }
}
