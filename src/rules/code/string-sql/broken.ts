import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'

export function routes(app: FastifyInstance, db: Pool): void {
  app.get('/users', async (request) => {
    const { name } = request.query as { name: string }
    const { rows } = await db.query(`SELECT id, name FROM users WHERE name = '${name}' LIMIT 10`)
    return rows
  })
}
