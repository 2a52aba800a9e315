import { pbkdf2Sync } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** Every other request of the process stands still meanwhile. */
export async function deriveKey(password: string, salt: string): Promise<Buffer> {
  return pbkdf2Sync(password, salt, 100_000, 32, 'sha256')
}

export function routes(app: FastifyInstance): void {
  app.post('/keys', async (request) => {
    const { password, salt } = request.body as { password: string; salt: string }
    return deriveKey(password, salt)
  })
}
