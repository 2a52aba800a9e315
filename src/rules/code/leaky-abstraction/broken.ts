import type { Pool, QueryResult } from 'pg'

export class UserRepository {
  readonly #db: Pool
  constructor(db: Pool) {
    this.#db = db
  }
  /** The caller writes SQL and reads the result of a driver: the wall has a door for everything. */
  find(where: string): Promise<QueryResult> {
    return this.#db.query(`SELECT * FROM users WHERE ${where}`)
  }
}
