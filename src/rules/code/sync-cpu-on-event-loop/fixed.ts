import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** In the thread pool, which has four places by default: bound how many run at once. */
export async function deriveKey(password: string, salt: string): Promise<Buffer> {
  return derive(password, salt, 100_000, 32, 'sha256')
}
