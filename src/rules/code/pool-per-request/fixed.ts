import pg from 'pg'

export function createHandler(connectionString: string) {
  const pool = new pg.Pool({ connectionString, max: 10 })
  const handle = async (id: number): Promise<string> => {
    const { rows } = await pool.query('SELECT name FROM users WHERE id = $1', [id])
    return rows[0].name
  }
  return Object.assign(handle, { close: () => pool.end() })
}
