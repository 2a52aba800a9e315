/**
 * Folders of this machine user outside of any project, below /var/tmp: for what cannot lie in the
 * project, and for what all projects share. One that belongs to a project is bound to it both ways:
 * `elsewhere` in the project's `.holdfast/` names the folder, `project` in the folder the project.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataFolder } from './cluster.ts'
import { runningPostmaster } from './postmaster.ts'
import { folderFault } from './project-folder.ts'

function bases(): string[] {
  return ['/var/tmp', tmpdir()]
}

function prefix(): string {
  return `holdfast-${process.getuid?.() ?? 0}-`
}

/** Others may have made a folder of that name to slip in programs of their own: then it is refused. */
function privateFolder(path: string): string {
  const uid = process.getuid?.() ?? 0
  mkdirSync(path, { recursive: true, mode: 0o755 })
  const made = lstatSync(path)
  if (!made.isDirectory() || made.uid !== uid || (made.mode & 0o022) !== 0)
    throw Object.assign(new Error('It belongs to another user.'), { code: 'EPERM' })
  chmodSync(path, 0o755)
  return path
}

/**
 * A folder of this machine user outside of any project, the same one for the same purpose each time.
 * @param below tried in this order
 */
export function fallbackFolder(purpose: string, below: readonly string[] = bases()): string {
  const hash = createHash('sha256').update(purpose).digest('hex').slice(0, 16)
  const paths = below.map((base) => join(base, `${prefix()}${hash}`))
  let reason: unknown
  for (const path of paths) {
    try {
      return privateFolder(path)
    } catch (error) {
      reason ??= error
    }
  }
  throw folderFault(paths[0] ?? '', reason)
}

function readNote(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Binds a folder to the project whose `.holdfast/` is given. */
export function keepElsewhere(projectFolder: string, elsewhere: string): void {
  writeFileSync(join(elsewhere, 'project'), `${projectFolder}\n`)
  writeFileSync(join(projectFolder, 'elsewhere'), `${elsewhere}\n`)
}

/** The folder bound to a project, also after the project was moved; not to a copy of the project. */
export function folderElsewhere(projectFolder: string): string | undefined {
  const noted = readNote(join(projectFolder, 'elsewhere'))
  const owner = noted === undefined ? undefined : readNote(join(noted, 'project'))
  if (noted === undefined || owner === undefined) return undefined
  return owner === projectFolder || !existsSync(owner) ? privateFolder(noted) : undefined
}

/** A project that was made for a while and is gone; one that lay elsewhere may just have moved. */
function isOrphan(folder: string): boolean {
  const project = readNote(join(folder, 'project'))
  if (project === undefined || existsSync(project)) return false
  const temporary = ['/tmp', '/dev/shm', ...bases()].some((base) => project.startsWith(`${base}/`))
  return temporary && serversIn(folder).every((cluster) => !runningPostmaster(dataFolder(cluster)))
}

function serversIn(folder: string): string[] {
  const servers = join(folder, 'postgres')
  return existsSync(servers) ? readdirSync(servers).map((name) => join(servers, name)) : []
}

/** Removes the folders of temporary projects that are gone. */
export function removeOrphans(): void {
  for (const base of bases().filter((path) => existsSync(path)))
    for (const name of readdirSync(realpathSync(base)))
      if (name.startsWith(prefix()) && isOrphan(join(base, name)))
        rmSync(join(base, name), { recursive: true, force: true })
}
