import { randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import type { Pool } from 'pg'

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)

export async function register(db: Pool, email: string, password: string): Promise<void> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, 32, { N: 2 ** 17, maxmem: 256 * 2 ** 20 })
  await db.query('INSERT INTO users (email, password) VALUES ($1, $2)', [
    email,
    `${salt.toString('base64')}$${key.toString('base64')}`,
  ])
}
