import type { Pool } from 'pg'

export interface Carts {
  abandoned(rowsMax: number): Promise<readonly { email: string }[]>
}

/** Named by what they answer; a cached or other implementation changes no caller. */
export function createCarts(db: Pool): Carts {
  return {
    async abandoned(rowsMax) {
      const { rows } = await db.query(
        `SELECT c.email FROM carts k JOIN customers c ON c.id = k.customer_id
          WHERE k.state = 3 LIMIT $1`,
        [rowsMax],
      )
      return rows
    },
  }
}

export async function reminder(carts: Carts) {
  const abandoned = await carts.abandoned(100)
  return abandoned.map(({ email }) => `Dear ${email}`)
}
