import { pbkdf2Sync } from 'node:crypto'

/** Every other request of the process stands still meanwhile. */
export async function deriveKey(password: string, salt: string): Promise<Buffer> {
  return pbkdf2Sync(password, salt, 100_000, 32, 'sha256')
}
