import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const BYTES_MAX = 5 * 2 ** 20

/** Known by its first bytes, bounded, stored under a name of ours; the given one is a label. */
export function accept(folder: string, name: string, _type: string, bytes: Buffer) {
  if (bytes.length > BYTES_MAX) throw new Error('too large')
  if (!bytes.subarray(0, PNG.length).equals(PNG)) throw new Error('only PNG')
  return { path: join(folder, 'quarantine', `${randomUUID()}.png`), label: name.slice(0, 200) }
}
