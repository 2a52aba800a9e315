import type { Request, Response } from 'express'
import type { Pool } from 'pg'

/** The rule lives in the route: the job that cancels old orders has a copy of it. */
export function cancelRoute(db: Pool) {
  return async (request: Request, response: Response): Promise<void> => {
    const { rows } = await db.query('SELECT state FROM orders WHERE id = $1', [request.params.id])
    if (rows[0]?.state !== 'placed') {
      response.status(409).json({ code: 'not-placed' })
      return
    }
    await db.query("UPDATE orders SET state = 'cancelled' WHERE id = $1", [request.params.id])
    response.status(204).end()
  }
}
