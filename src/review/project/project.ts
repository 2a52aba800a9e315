/** A tree of code: its files are read and parsed when somebody first asks for them. */
import { type Exports, exportsOf, Module } from '../syntax/module.ts'
import { is, isClass, type Node } from '../syntax/node.ts'
import type { Parser } from '../syntax/parser.ts'
import { type FoundFiles, type PassedOver, readText, strangeness } from './find-files.ts'
import { ImportResolver, type Package, Packages } from './packages.ts'

export interface Located {
  readonly module: Module
  readonly node: Node
}

const CODE = /\.(?:[mc]?[jt]s|[jt]sx)$/
const TEST =
  /(?:^|\/)(?:__tests__|__mocks__|__fixtures__|tests?|e2e|spec|specs|fixtures?|mocks?|testing|test-utils|integration-tests(?:-http)?|cypress|playwright|benchmarks?|load-?tests?|examples?|stories|[\w-]*test-[\w-]+|playground|dev-server)\/|\.(?:test|spec|e2e|stories|bench|mock|fixture|config)(?:-\w+)?\.[mc]?[jt]sx?$|(?:^|\/)(?:[\w.-]+rc|jest[\w.-]*|vite[\w.-]*|webpack[\w.-]*)\.[mc]?[jt]s$/

/** Tests break every rule on purpose. */
export function isTestPath(path: string): boolean {
  return TEST.test(path)
}

/**
 * Thrown at whoever asks for all modules while they are still read. What one file says by itself can
 * be told before; the question is asked again at the end.
 */
export const NOT_ALL_READ = new Error('Bug: a question about the whole tree, before it was read')

export function isCodePath(path: string): boolean {
  return CODE.test(path)
}

export class Project {
  readonly root: string
  readonly paths: readonly string[]
  readonly packages: Packages
  readonly passedOver: PassedOver[]
  /** Lines of what was parsed. */
  lines = 0
  /** Every module that is reviewed has been read. */
  #isWhole = false
  /** A path to what was found could not be told yet. */
  isPathOpen = false
  readonly #parser: Parser
  readonly #resolver: ImportResolver
  #modules = new Map<string, Module | undefined>()
  readonly #texts = new Map<string, string | undefined>()
  readonly #exports = new Map<Module, Exports>()

  constructor(root: string, found: FoundFiles, parser: Parser) {
    this.root = root
    this.paths = found.paths
    this.passedOver = [...found.passedOver]
    this.packages = new Packages(root)
    this.#parser = parser
    this.#resolver = new ImportResolver(this.packages, new Set(found.paths.filter(isCodePath)))
  }

  get codePaths(): readonly string[] {
    return this.paths.filter(isCodePath)
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** From here on who calls what is known. In order of their paths, whoever was imported first. */
  whole(): void {
    this.#isWhole = true
    this.#modules = new Map(
      [...this.#modules].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
    )
  }

  /** Every module that is reviewed, and what they import. */
  get modules(): readonly Module[] {
    if (!this.#isWhole) throw NOT_ALL_READ
    return [...this.#modules.values()].filter((each) => each !== undefined)
  }

  packageOf(module: Module): Package {
    return this.packages.of(module.path)
  }

  /** The text of a file that is somebody's handwriting; what is not is passed over, and told. */
  text(path: string): string | undefined {
    if (!this.#texts.has(path)) this.#texts.set(path, this.#readText(path))
    return this.#texts.get(path)
  }

  #readText(path: string): string | undefined {
    const read = readText(this.root, path)
    const why = 'why' in read ? read.why : strangeness(path, read.text)
    if (why !== undefined) this.passedOver.push({ path, why })
    return why === undefined ? (read as { text: string }).text : undefined
  }

  module(path: string): Module | undefined {
    if (!this.#modules.has(path)) this.#modules.set(path, this.#parse(path))
    return this.#modules.get(path)
  }

  #parse(path: string): Module | undefined {
    const text = this.text(path)
    if (text === undefined) return undefined
    try {
      const parsed = this.#parser.parse(path, text)
      const module = new Module({ path, text }, parsed, this.#parser)
      this.lines += text.split('\n').length
      this.#texts.delete(path)
      if (parsed.fault !== undefined) {
        const { line, column } = module.place(parsed.fault.offset)
        this.passedOver.push({
          path,
          why: `syntax error at ${line}:${column}: ${parsed.fault.message}`,
        })
      }
      return module
    } catch (error) {
      this.passedOver.push({ path, why: `it cannot be parsed (${(error as Error).message})` })
      return undefined
    }
  }

  imported(from: Module, specifier: string): Module | undefined {
    const path = this.#resolver.resolve(from.path, specifier)
    return path === undefined ? undefined : this.module(path)
  }

  /** What a module exports under a name, through however many files that hand it on. */
  exported(module: Module, name: string, depth = 0): Located | undefined {
    if (depth > 8) return undefined
    const { named, stars } = this.#exportsOf(module)
    const found = named.get(name)
    if (found !== undefined) {
      if ('node' in found) return { module, node: found.node }
      if ('from' in found) {
        const next = this.imported(module, found.from)
        return (
          next &&
          (found.name === '*'
            ? { module: next, node: next.program }
            : this.exported(next, found.name, depth + 1))
        )
      }
      return this.#local(module, found.local, depth)
    }
    for (const star of stars) {
      const next = this.imported(module, star)
      const inner = next && this.exported(next, name, depth + 1)
      if (inner !== undefined) return inner
    }
    return undefined
  }

  #local(module: Module, name: string, depth: number): Located | undefined {
    const binding = module.scopes.find(module.program, name)
    if (binding === undefined) return undefined
    const { declaration } = binding
    if (!is(declaration, 'ImportSpecifier') && !is(declaration, 'ImportDefaultSpecifier')) {
      return { module, node: isClass(declaration) ? declaration : binding.id }
    }
    const from = declaration.parent
    if (!is(from, 'ImportDeclaration')) return undefined
    const next = this.imported(module, String(from.source.value))
    const imported = is(declaration, 'ImportSpecifier')
      ? (declaration.imported as { name?: string }).name
      : 'default'
    if (next === undefined) return { module, node: binding.id }
    return this.exported(next, imported ?? 'default', depth + 1)
  }

  #exportsOf(module: Module): Exports {
    const known = this.#exports.get(module)
    if (known !== undefined) return known
    const made = exportsOf(module)
    this.#exports.set(module, made)
    return made
  }
}
