import { join } from 'node:path'

/** The client chooses the path and says what it is. */
export function accept(folder: string, name: string, type: string, _bytes: Buffer) {
  if (type !== 'image/png') throw new Error('only PNG')
  return { path: join(folder, name) }
}
