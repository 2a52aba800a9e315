/** The packages of a tree, each with what it depends on, and how their names and paths are resolved. */
import { readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'

export interface Package {
  /** The folder from the root; '' for the root itself. */
  readonly folder: string
  readonly name: string | undefined
  readonly dependencies: ReadonlySet<string>
  readonly aliases: readonly Alias[]
  /** The settings of the reviewer in its package.json. */
  readonly settings: unknown
  /** A command for people's terminals. */
  readonly isCommand: boolean
}

interface Alias {
  readonly prefix: string
  readonly suffix: string
  readonly exact: boolean
  /** Folders or files from the root; a star stands for what the pattern's star met. */
  readonly targets: readonly string[]
}

export class Packages {
  readonly #root: string
  readonly #byFolder = new Map<string, Package | undefined>()
  readonly #ofFolder = new Map<string, Package>()

  constructor(root: string) {
    this.#root = root
  }

  /** The package that a file belongs to: the nearest package.json above it. */
  of(path: string): Package {
    const folder = posix.dirname(path)
    const known = this.#ofFolder.get(folder)
    if (known !== undefined) return known
    const found = this.#search(folder)
    this.#ofFolder.set(folder, found)
    return found
  }

  #search(start: string): Package {
    for (let folder = start === '.' ? '' : start; ; folder = parentOf(folder)) {
      const found = this.at(folder)
      if (found !== undefined) return found
      if (folder === '')
        return {
          folder: '',
          name: undefined,
          dependencies: new Set(),
          aliases: this.#aliases(''),
          settings: undefined,
          isCommand: false,
        }
    }
  }

  at(folder: string): Package | undefined {
    if (!this.#byFolder.has(folder)) this.#byFolder.set(folder, this.#read(folder))
    return this.#byFolder.get(folder)
  }

  #read(folder: string): Package | undefined {
    const manifest = this.#json(posix.join(folder, 'package.json'))
    if (manifest === undefined) return undefined
    const names = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']
    const dependencies = new Set(names.flatMap((each) => Object.keys(recordOf(manifest[each]))))
    const name = typeof manifest.name === 'string' ? manifest.name : undefined
    return {
      folder,
      name,
      dependencies,
      aliases: this.#aliases(folder),
      settings: manifest.holdfast,
      isCommand: manifest.bin !== undefined,
    }
  }

  #aliases(folder: string): readonly Alias[] {
    const file = ['tsconfig.json', 'tsconfig.app.json', 'jsconfig.json', 'tsconfig.base.json']
      .map((name) => posix.join(folder, name))
      .find((path) => this.#json(path) !== undefined)
    return file === undefined ? [] : this.#pathsOf(file, 0)
  }

  #pathsOf(file: string, depth: number): readonly Alias[] {
    const config = this.#json(file)
    if (config === undefined || depth > 5) return []
    const options = recordOf(config.compilerOptions)
    const folder = posix.dirname(file)
    const base = posix.join(folder, typeof options.baseUrl === 'string' ? options.baseUrl : '.')
    const own = Object.entries(recordOf(options.paths)).map(([pattern, targets]) =>
      aliasOf(pattern, targets, base),
    )
    if (typeof options.baseUrl === 'string') own.push(aliasOf('*', ['*'], base))
    if (own.length > 0 || typeof config.extends !== 'string' || !config.extends.startsWith('.'))
      return own
    const parent = posix.join(folder, config.extends)
    return this.#pathsOf(parent.endsWith('.json') ? parent : `${parent}.json`, depth + 1)
  }

  #json(path: string): Record<string, unknown> | undefined {
    const file = posix.join(this.#root, path)
    if (!isPlainFile(file)) return undefined
    try {
      return recordOf(JSON.parse(withoutComments(readFileSync(file, 'utf8'))))
    } catch {
      return undefined
    }
  }
}

/** A pipe would be waited for. */
export function isPlainFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}

function aliasOf(pattern: string, targets: unknown, base: string): Alias {
  const [prefix = '', suffix] = pattern.split('*')
  const paths = Array.isArray(targets) ? targets.map((each) => posix.join(base, String(each))) : []
  return { prefix, suffix: suffix ?? '', exact: suffix === undefined, targets: paths }
}

/** tsconfig.json may hold comments and commas too many. Strings are kept as they are. */
function withoutComments(text: string): string {
  return text
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string) => string ?? '')
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, string) => string ?? '')
}

export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function parentOf(folder: string): string {
  const parent = posix.dirname(folder)
  return parent === '.' ? '' : parent
}

const ENDINGS = [
  '',
  '.ts',
  '.tsx',
  '.mts',
  '.cts',
  '.js',
  '.jsx',
  '.mjs',
  '.cjs',
  '/index.ts',
  '/index.tsx',
  '/index.js',
  '/index.mjs',
]

/** Paths from the root. */
export interface Files extends Iterable<string> {
  has(path: string): boolean
}

/** The file that a specifier means, seen from a file; undefined where it lies outside of the tree. */
export class ImportResolver {
  readonly #packages: Packages
  readonly #files: Files
  #byName: Map<string, Package> | undefined

  constructor(packages: Packages, files: Files) {
    this.#packages = packages
    this.#files = files
  }

  resolve(from: string, specifier: string): string | undefined {
    if (specifier.startsWith('.')) return this.#file(posix.join(posix.dirname(from), specifier))
    if (/^node:|^[a-z]+$/.test(specifier) && !this.#names().has(specifier)) return undefined
    return this.#aliased(from, specifier) ?? this.#inWorkspace(specifier)
  }

  #file(path: string): string | undefined {
    const plain = path.replace(/^\.\//, '')
    const found = ENDINGS.map((ending) => `${plain}${ending}`).find((each) => this.#files.has(each))
    if (found !== undefined) return found
    const source = plain.replace(/\.([mc]?)js(x?)$/, '.$1ts$2')
    return source !== plain && this.#files.has(source) ? source : undefined
  }

  #aliased(from: string, specifier: string): string | undefined {
    for (const { prefix, suffix, exact, targets } of this.#packages.of(from).aliases) {
      const fits = exact
        ? specifier === prefix
        : specifier.startsWith(prefix) &&
          specifier.endsWith(suffix) &&
          specifier.length >= prefix.length + suffix.length
      if (!fits) continue
      const middle = specifier.slice(prefix.length, specifier.length - suffix.length)
      for (const target of targets) {
        const found = this.#file(exact ? target : target.replace('*', middle))
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  /** Packages of the same tree are read as sources, wherever their manifest says that they are built to. */
  #inWorkspace(specifier: string): string | undefined {
    const parts = specifier.split('/')
    const length = specifier.startsWith('@') ? 2 : 1
    const found = this.#names().get(parts.slice(0, length).join('/'))
    if (found === undefined) return undefined
    const rest = parts.slice(length).join('/')
    const inside = rest.replace(/^dist\//, '')
    const places =
      rest === ''
        ? ['src/index', 'index', 'src/main', 'lib/index']
        : [inside, `src/${inside}`, `src/${inside.replace(/^src\//, '')}`]
    return places
      .map((place) => this.#file(posix.join(found.folder, place)))
      .find((each) => each !== undefined)
  }

  #names(): ReadonlyMap<string, Package> {
    if (this.#byName === undefined) {
      const folders = new Set([...this.#files].map((path) => this.#packages.of(path)))
      this.#byName = new Map([...folders].flatMap((each) => (each.name ? [[each.name, each]] : [])))
    }
    return this.#byName
  }
}
