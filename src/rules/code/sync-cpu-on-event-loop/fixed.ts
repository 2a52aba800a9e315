import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'

const derive = promisify(pbkdf2)

/** In the thread pool, which has four places by default: bound how many run at once. */
export async function deriveKey(password: string, salt: string): Promise<Buffer> {
  return derive(password, salt, 100_000, 32, 'sha256')
}

export function routes(app: FastifyInstance): void {
  app.post('/keys', async (request) => {
    const { password, salt } = request.body as { password: string; salt: string }
    return deriveKey(password, salt)
  })
}
