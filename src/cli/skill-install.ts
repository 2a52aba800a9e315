/**
 * Puts the skill into folders and takes it out again. What was written is listed with its digest in a
 * manifest beside it; only files that are still as they were written are replaced or removed, and
 * only folders that were made here and are empty again.
 */
import { lstat, mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { sha256 } from '../base/digest.ts'
import { HoldfastError } from '../base/fault.ts'

const MANIFEST = '.holdfast-skill.json'

interface Manifest {
  /** Digest by path from the folder of the skill. */
  readonly files: Readonly<Record<string, string>>
  /** Folders that were made, from the folder of the skill ('..' is the one above), outermost first. */
  readonly made: readonly string[]
}

export interface Changes {
  readonly written: readonly string[]
  readonly removed: readonly string[]
  /** Changed by somebody since they were written, or not ours. */
  readonly kept: readonly string[]
}

export async function installSkill(
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<Changes> {
  await refuseLink(folder)
  const old = await readManifest(folder)
  const made = new Set(old?.made)
  const make = async (wanted: string) => {
    for (const one of await makeFolders(wanted)) made.add(relative(folder, one))
  }
  await make(folder)
  const written: string[] = []
  const kept: string[] = []
  const digests: Record<string, string> = {}
  for (const [path, text] of files) {
    const before = old?.files[path]
    if (await isOurs(join(folder, path), before, text)) {
      await make(dirname(join(folder, path)))
      await writeFile(join(folder, path), text)
      written.push(path)
      digests[path] = digestOf(text)
    } else {
      kept.push(path)
      if (before !== undefined) digests[path] = before
    }
  }
  const gone = Object.entries(old?.files ?? {}).filter(([path]) => !files.has(path))
  const removed = await removeFiles(folder, gone)
  await writeManifest(folder, { files: digests, made: [...made] })
  return { written, removed, kept }
}

/** HF_USAGE where nothing was installed there. */
export async function uninstallSkill(folder: string): Promise<Changes> {
  await refuseLink(folder)
  const manifest = await readManifest(folder)
  if (manifest === undefined)
    throw new HoldfastError('HF_USAGE', `${folder} holds no skill that was installed by Holdfast.`)
  const removed = await removeFiles(folder, Object.entries(manifest.files))
  await rm(join(folder, MANIFEST))
  const kept = await filesBelow(folder)
  for (const made of manifest.made.toReversed()) await rmdir(join(folder, made)).catch(() => {})
  return { written: [], removed, kept }
}

/** Behind a link lies somebody's checkout: writing there would change that. */
async function refuseLink(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return
  throw new HoldfastError('HF_USAGE', `${folder} is no folder of its own; remove it first.`)
}

async function isOurs(path: string, before: string | undefined, text: string): Promise<boolean> {
  const current = await readFile(path, 'utf8').catch(() => undefined)
  if (current === undefined) return true
  const digest = digestOf(current)
  return digest === before || digest === digestOf(text)
}

async function removeFiles(
  folder: string,
  files: readonly (readonly [path: string, digest: string])[],
): Promise<readonly string[]> {
  const removed: string[] = []
  for (const [path, digest] of files) {
    const current = await readFile(join(folder, path), 'utf8').catch(() => undefined)
    if (current === undefined || digestOf(current) !== digest) continue
    await rm(join(folder, path))
    removed.push(path)
  }
  return removed
}

/**
 * Makes a folder with those above it; gives those that were not there, outermost first. One by one:
 * in a file system that makes none (/proc), the recursive form of mkdir does not come back.
 */
async function makeFolders(folder: string): Promise<readonly string[]> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory()) return []
  const above = dirname(folder) === folder ? [] : await makeFolders(dirname(folder))
  await mkdir(folder)
  return [...above, folder]
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort()
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const { files, made } = JSON.parse(text)
    const paths = Object.keys(files)
    if (paths.every(isInside) && made.every((one: string) => isInside(one) || ABOVE.test(one)))
      return { files, made }
  } catch {}
  throw new HoldfastError(
    'HF_USAGE',
    `${join(folder, MANIFEST)} is damaged: what was installed is not known; remove the folder by hand.`,
  )
}

const ABOVE = /^\.\.(?:\/\.\.)*$/

/** A manifest that somebody wrote must not remove files elsewhere. */
function isInside(path: string): boolean {
  return !path.startsWith('/') && !path.split(/[\\/]/).includes('..')
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
}

function digestOf(text: string): string {
  return sha256(text).toString('hex')
}
