import { realpath, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'

/** The path from the project with slashes, '' for all of it. Links may not lead out. */
export async function insideOf(folder: string, path: string): Promise<string> {
  const root = await realpath(folder)
  const target = await realpath(resolve(root, path)).catch(() => undefined)
  if (target === undefined) throw new HoldfastError('HF_USAGE', `There is no ${path} here.`)
  const inside = relative(root, target)
  if (inside !== '' && (inside.startsWith('..') || resolve(inside) === inside))
    throw new HoldfastError('HF_USAGE', `${path} lies outside of the project.`)
  const entry = await stat(target)
  if (!entry.isFile() && !entry.isDirectory())
    throw new HoldfastError('HF_USAGE', `${path} is neither a file nor a folder.`)
  return inside.split(sep).join('/')
}
