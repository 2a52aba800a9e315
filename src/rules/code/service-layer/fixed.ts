import type { Request, Response } from 'express'
import type { Pool } from 'pg'

/** Knows no HTTP: routes, jobs and tests call the same rule. */
export async function cancelOrder(db: Pool, id: string): Promise<'cancelled' | 'not-placed'> {
  const { rowCount } = await db.query(
    "UPDATE orders SET state = 'cancelled' WHERE id = $1 AND state = 'placed'",
    [id],
  )
  return rowCount === 1 ? 'cancelled' : 'not-placed'
}

export function cancelRoute(db: Pool) {
  return async (request: Request, response: Response): Promise<void> => {
    const outcome = await cancelOrder(db, String(request.params.id))
    if (outcome === 'cancelled') response.status(204).end()
    else response.status(409).json({ code: outcome })
  }
}
