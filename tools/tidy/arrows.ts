/** Which way imports may run: rings, the ranks inside `state/`, private stores, no cycles, no dead files. */
import { posix } from 'node:path'
import { type Finding, finding } from './finding.ts'
import type { Import, SourceFile } from './source-file.ts'

const RINGS: Readonly<Record<string, number>> = {
  base: 0,
  rules: 0,
  runtime: 1,
  database: 2,
  outbound: 2,
  state: 3,
  access: 4,
  operation: 5,
  builtin: 6,
  transport: 7,
  app: 8,
  testing: 9,
  prove: 9,
  review: 9,
  advise: 9,
  mcp: 9,
  cli: 10,
}

const STATE_RANKS: Readonly<Record<string, string>> = {
  idempotency: 'a',
  audit: 'a',
  cache: 'a',
  quota: 'a',
  job: 'a',
  staging: 'a',
  process: 'a',
  event: 'b',
  schedule: 'b',
  projection: 'b',
  saga: 'c',
  webhook: 'c',
  file: 'c',
  search: 'c',
}

const OUTSIDE_SRC = ['example/', 'test/', 'tools/', 'bench/', 'console/']

interface Room {
  readonly name: string
  readonly ring: number
  /** The folder below it, where there is one. */
  readonly folder: string | undefined
  readonly isServer: boolean
}

/** Entry points of the package lie directly in src/ and stand above every ring. */
function roomOf(path: string): Room | undefined {
  const [top, name, folder, ...rest] = path.split('/')
  if (top !== 'src' || name === undefined) return undefined
  const isServer = path.endsWith('server.ts')
  if (folder === undefined)
    return { name: 'src', ring: Number.POSITIVE_INFINITY, folder: undefined, isServer }
  const ring = RINGS[name] ?? Number.NaN
  return { name, ring, folder: rest.length > 0 ? folder : undefined, isServer }
}

function stateFault(from: Room, to: Room): string | undefined {
  if (to.folder === undefined || from.folder === to.folder) return undefined
  if (from.folder === undefined) return 'What all of state/ shares must not know a capability.'
  const [own, other] = [STATE_RANKS[from.folder], STATE_RANKS[to.folder]]
  if (own === undefined || other === undefined)
    return 'Give the new folder of state/ its rank in tools/tidy/arrows.ts.'
  return own > other
    ? undefined
    : `state/${from.folder} (rank ${own}) must not import state/${to.folder} (rank ${other}): lower ranks only.`
}

/** Wires share `http/` and do not know each other; only a server of `http/` opens its door to them. */
function wireFault(from: Room, to: Room): string | undefined {
  const shared = to.folder === undefined || to.folder === 'http'
  const door = from.folder === undefined || (from.folder === 'http' && from.isServer)
  if (shared || door || from.folder === to.folder) return undefined
  return 'Transports share only transport/http, whose servers alone import the others.'
}

function roomFault(from: Room, to: Room): string | undefined {
  if (Number.isNaN(from.ring) || Number.isNaN(to.ring))
    return 'Give the new folder of src/ its ring in tools/tidy/arrows.ts.'
  if (from.name === 'transport' && to.name === 'database')
    return 'A transport can only ask an operation; it never touches the database.'
  if (from.name === 'transport' && to.name === 'transport') return wireFault(from, to)
  if (from.name === 'state' && to.name === 'state') return stateFault(from, to)
  if (from.name === to.name || from.ring > to.ring) return undefined
  return `${from.name}/ (ring ${from.ring}) must not import ${to.name}/ (ring ${to.ring}): hand it in from above.`
}

function arrowFault(file: SourceFile, { target }: Import): string | undefined {
  // Tests stand beside what they test and may use src/testing and test/.
  if (file.isTest) return undefined
  if (file.path.startsWith('src/') && OUTSIDE_SRC.some((folder) => target.startsWith(folder)))
    return 'src/ must not import what lies outside of it.'
  const [from, to] = [roomOf(file.path), roomOf(target)]
  return from && to ? roomFault(from, to) : undefined
}

export function checkArrows(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) =>
    file.imports
      .filter(({ relative }) => relative)
      .flatMap((imported) => {
        const fault = arrowFault(file, imported)
        return fault ? [finding('arrows', file, imported.offset, fault)] : []
      }),
  )
}

/** SQL has one reader. */
export function checkStores(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) =>
    file.imports
      .filter(({ target }) => /(?:^|\/)store\.ts$/.test(target))
      .filter(({ target }) => posix.dirname(target) !== posix.dirname(file.path))
      .map(({ target, offset }) =>
        finding(
          'store',
          file,
          offset,
          `${target} is private to its folder: use the face beside it.`,
        ),
      ),
  )
}

/** Each cycle once, among imports that exist at run time. */
export function checkCycles(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const found: Finding[] = []
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    const start = trail.indexOf(file.path)
    if (start >= 0) {
      const cycle = [...trail.slice(start), file.path].join(' -> ')
      found.push(finding('cycle', file, 0, `Break the circle: ${cycle}.`))
    }
    if (start >= 0 || done.has(file.path)) return
    for (const { target, typeOnly } of file.imports) {
      const next = byPath.get(target)
      if (next && !typeOnly) visit(next, [...trail, file.path])
    }
    done.add(file.path)
  }
  for (const file of files) visit(file, [])
  return found
}

/** A path in a string (a process to start, a module to load) uses a file as an import does. */
function usedBy(file: SourceFile): string[] {
  const paths = file.strings
    .map(({ value }) => value)
    .filter((value) => /^[\w./-]+\.(?:ts|mjs)$/.test(value))
    .flatMap((value) => [posix.join(posix.dirname(file.path), value), value])
  return [...file.imports.map(({ target }) => target), ...paths].filter(
    (path) => path !== file.path,
  )
}

/** A bare file name in a string stands for any file of that name in the same part of the repository. */
function namedBy(file: SourceFile): string[] {
  return file.strings
    .filter(({ value }) => /^[\w.-]+\.(?:ts|mjs)$/.test(value))
    .map(({ value }) => nameKey(posix.join(posix.dirname(file.path), value)))
}

function nameKey(path: string): string {
  return `${path.split('/')[0]}: ${posix.basename(path)}`
}

/** Files that a tool finds by their name. */
const FOUND_BY_NAME = /(?:^|\/)holdfast\.config\.ts$/

/**
 * Files that nothing imports or names.
 * @param entryText where entry points are named: package.json
 */
export function checkDeadFiles(files: readonly SourceFile[], entryText: string): Finding[] {
  const used = new Set(files.flatMap(usedBy))
  const named = new Set(files.flatMap(namedBy))
  const isEntry = ({ path }: SourceFile) =>
    FOUND_BY_NAME.test(path) ||
    entryText.includes(path) ||
    entryText.includes(path.replace(/^src\/(.*)\.ts$/, 'dist/$1.js'))
  return files
    .filter((file) => !file.isTest && !isEntry(file) && !used.has(file.path))
    .filter(({ path }) => !named.has(nameKey(path)))
    .map((file) => finding('dead', file, 0, 'Nothing imports this file: use it or remove it.'))
}
