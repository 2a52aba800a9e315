import type { Pool } from 'pg'

/** Every caller knows the tables, and the meaning of state = 3. */
export async function reminder(db: Pool) {
  const { rows } = await db.query(
    `SELECT c.email FROM carts k JOIN customers c ON c.id = k.customer_id
      WHERE k.state = 3 LIMIT 100`,
  )
  return rows.map(({ email }) => `Dear ${email}`)
}
