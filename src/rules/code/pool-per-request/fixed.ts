import type { FastifyInstance } from 'fastify'
import pg from 'pg'

export function routes(app: FastifyInstance, connectionString: string): void {
  const pool = new pg.Pool({ connectionString, max: 10 })
  app.addHook('onClose', () => pool.end())
  app.get('/users/:id', async (request) => {
    const { id } = request.params as { id: string }
    const { rows } = await pool.query('SELECT name FROM users WHERE id = $1', [id])
    return rows[0].name
  })
}
