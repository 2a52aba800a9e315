import { createHash } from 'node:crypto'

/**
 * Fast and without a salt: equal passwords have equal hashes, and a GPU tries billions a second.
 */
export async function hashPassword(password: string): Promise<string> {
  return createHash('sha256').update(password).digest('hex')
}

export async function isPassword(password: string, stored: string): Promise<boolean> {
  return (await hashPassword(password)) === stored
}
