/**
 * The files of a tree that are read: code, SQL, Prisma schemas. Symbolic links are not followed, so
 * that a loop of them cannot hold anybody; what cannot be read is told and passed over.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface PassedOver {
  readonly path: string
  readonly why: string
}

export interface FoundFiles {
  /** From the root, with slashes, sorted. */
  readonly paths: readonly string[]
  readonly passedOver: readonly PassedOver[]
}

const FOLDERS_OUT = new Set([
  'node_modules',
  'bower_components',
  'dist',
  'build',
  'out',
  'coverage',
  'vendor',
  'target',
  '__generated__',
  'storybook-static',
])
/** What a build of Meteor leaves behind; copies in a manual. */
const PATHS_OUT = /(?:^|\/)bundle\/programs$|^(?:(?:apps|packages)\/(?:[\w-]+\/)?)?docs$/

function isRead(path: string, name: string): boolean {
  return !FOLDERS_OUT.has(name) && !name.startsWith('.') && !PATHS_OUT.test(path)
}

const READ = /\.(?:[mc]?[jt]s|[jt]sx|sql|prisma)$/
const NOT_READ = /\.(?:d\.[mc]?ts|min\.[mc]?js|bundle\.js)$/
/** More is a mistake in the choice of the folder, or a tree that nobody cleaned. */
const FILES_MAX = 100_000

export function findFiles(root: string): FoundFiles {
  const paths: string[] = []
  const passedOver: PassedOver[] = []
  const built = new Set<string>()
  const visit = (folder: string): void => {
    for (const entry of entriesOf(root, folder, passedOver)) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (isRead(path, entry.name)) visit(path)
      } else if (entry.isSymbolicLink()) {
        const why = linkOf(root, path)
        if (why !== undefined) passedOver.push({ path, why })
      } else if (READ.test(entry.name) && !NOT_READ.test(entry.name)) {
        // A pipe is never read to its end.
        if (!entry.isFile()) passedOver.push({ path, why: 'no plain file' })
        else if (paths.length < FILES_MAX) paths.push(path)
      } else if (entry.isFile() && COMPILER_CONFIG.test(entry.name)) {
        const out = outDirOf(root, path)
        if (out !== undefined) built.add(out)
      }
    }
  }
  visit('')
  if (paths.length === FILES_MAX) {
    passedOver.push({ path: '.', why: `more than ${FILES_MAX} files: the rest is not read` })
  }
  return { paths: withoutBuilt(paths, built, passedOver).sort(), passedOver }
}

const COMPILER_CONFIG = /^tsconfig[\w.-]*\.json$/

/** The folder that a compiler writes to, from the root; undefined where that is the folder of its sources. */
function outDirOf(root: string, path: string): string | undefined {
  const read = readText(root, path)
  const text = 'text' in read ? read.text.replaceAll(/^\s*\/\/.*$/gm, '') : ''
  const written = /"outDir"\s*:\s*"([^"$]+)"/.exec(text)?.[1]
  if (written === undefined || /"(?:noEmit|emitDeclarationOnly)"\s*:\s*true/.test(text))
    return undefined
  const folder = posix.dirname(path)
  const out = posix.normalize(posix.join(folder, written)).replace(/\/$/, '')
  const holdsSources = out === '.' || out === folder || folder.startsWith(`${out}/`)
  return holdsSources || out.startsWith('..') || written.startsWith('/') ? undefined : out
}

function withoutBuilt(
  paths: readonly string[],
  built: ReadonlySet<string>,
  passedOver: PassedOver[],
): string[] {
  for (const out of built)
    if (paths.some((path) => isBuilt(path, out)))
      passedOver.push({ path: out, why: 'what a compiler writes (outDir)' })
  return paths.filter((path) => ![...built].some((out) => isBuilt(path, out)))
}

function isBuilt(path: string, out: string): boolean {
  return path.startsWith(`${out}/`) && /\.[mc]?jsx?$/.test(path)
}

/** Why a link is not followed; undefined where it leads to nothing that would be read. */
function linkOf(root: string, path: string): string | undefined {
  if (READ.test(path) && !NOT_READ.test(path)) return 'a symbolic link'
  try {
    return statSync(join(root, path)).isDirectory() ? 'a symbolic link to a folder' : undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ELOOP'
      ? 'a loop of symbolic links'
      : undefined
  }
}

function entriesOf(root: string, folder: string, passedOver: PassedOver[]): readonly Dirent[] {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true })
  } catch (error) {
    passedOver.push({ path: folder || '.', why: reasonOf(error) })
    return []
  }
}

/** Nobody writes such a file by hand. */
const FILE_BYTES_MAX = 1_000_000

/** The text of a file, or why it is passed over. */
export function readText(root: string, path: string): { text: string } | { why: string } {
  try {
    const file = join(root, path)
    const bytes = statSync(file).size
    if (bytes > FILE_BYTES_MAX)
      return { why: `${Math.round(bytes / 1000)} kB: too large to be written by hand` }
    return { text: readFileSync(file, 'utf8') }
  } catch (error) {
    return { why: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it'
  if (code === 'ENOENT') return 'it is not there any more'
  return `it cannot be read (${code ?? 'unknown'})`
}

const GENERATED = /@generated|\bDO NOT EDIT\b|auto-?generated|generated by/i
/** What compilers and bundlers write. */
const COMPILED =
  /^\/\/# sourceMappingURL=|^Object\.defineProperty\(exports, ['"]__esModule['"]|^var __(?:awaiter|importDefault|create|defProp|decorate) = |\b__webpack_require__\b/m
const MINIFIED_LINE_CHARS = 5_000

/** Why a text is nobody's handwriting; undefined where it is. */
export function strangeness(path: string, text: string): string | undefined {
  if (text.includes('\0')) return 'a binary file'
  if (/(?:^|\/)(?:generated|__generated__)\/|\.(?:gen|generated)\.[jt]sx?$/.test(path))
    return 'generated'
  const head = text.slice(0, 600)
  const comments = head.match(/\/\*[\s\S]*?(?:\*\/|$)|\/\/.*|^--.*/gm)?.join('\n') ?? ''
  if (GENERATED.test(comments)) return 'generated'
  if (/\.sql$/.test(path)) return undefined
  if (/\.[mc]?js$/.test(path) && COMPILED.test(text)) return 'compiled'
  const isLong =
    text.length > MINIFIED_LINE_CHARS && text.length / (text.split('\n').length || 1) > 400
  return isLong ? 'minified' : undefined
}
