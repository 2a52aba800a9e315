import type { Pool } from 'pg'

export interface User {
  readonly id: number
  readonly email: string
}

export class UserRepository {
  readonly #db: Pool
  constructor(db: Pool) {
    this.#db = db
  }
  async byEmail(email: string): Promise<User | undefined> {
    const { rows } = await this.#db.query('SELECT id, email FROM users WHERE email = $1', [email])
    return rows[0]
  }
}
