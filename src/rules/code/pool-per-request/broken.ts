import type { FastifyInstance } from 'fastify'
import pg from 'pg'

export function routes(app: FastifyInstance, connectionString: string): void {
  app.get('/users/:id', async (request) => {
    const { id } = request.params as { id: string }
    const pool = new pg.Pool({ connectionString })
    const { rows } = await pool.query('SELECT name FROM users WHERE id = $1', [id])
    return rows[0].name
  })
}
