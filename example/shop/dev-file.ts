/** `.holdfast/dev.json`: where a development start listens and with which keys, for scripts. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { type Role, roleNames } from './shared/roles.ts'

const DevFile = z.object({
  api: z.string(),
  admin: z.string(),
  /** The process that serves, for `kill -9`. */
  pid: z.int().optional(),
  /** The payment provider, with an admin side that makes it misbehave. */
  payments: z.string().optional(),
  /** Each mail of the shop is a line of this file. */
  mail: z.string().optional(),
  keys: z
    .array(
      z.object({
        tenant: z.string(),
        role: z.enum(roleNames as readonly [Role, ...Role[]]),
        key: z.string(),
      }),
    )
    .readonly(),
})
export type DevFile = z.infer<typeof DevFile>

/** Undefined where there is none, or none that can be read: it is written anew. */
export async function readDevFile(path: string): Promise<DevFile | undefined> {
  try {
    return DevFile.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

/** All of it or nothing: a script may be reading. It holds keys, so only its owner may. */
export async function writeDevFile(path: string, content: DevFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, path)
}
