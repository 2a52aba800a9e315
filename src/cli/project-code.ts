/**
 * The code of a project, read as the project's own tools read it: most backends are written for a
 * compiler or a bundler, with imports without endings, aliases, enumerations and decorators that Node
 * alone does not take. Nothing has to be built first, and nothing is written.
 *
 * Files are compiled by the project's own `typescript` (below 7, which has no such interface) or
 * `esbuild`; where it has neither, Node strips their types.
 */
import { readFileSync, statSync } from 'node:fs'
import {
  createRequire,
  type ResolveFnOutput,
  registerHooks,
  setSourceMapsSupport,
} from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { HoldfastError } from '../base/fault.ts'
import { ImportResolver, Packages } from '../review/project/packages.ts'
import { type Compile, compilerOf, type ModuleFormat } from './project-compiler.ts'

const OWN = new URL('../', import.meta.url).href
const TYPESCRIPT = /\.[mc]?tsx?$/
/** What only a module may have, whatever the package says. */
const OF_MODULES = /\bimport\.meta\b|^(?:await|(?:export )?(?:const|let) [^=\n]+= await)\b/m
const MODULE_SYNTAX = /^\s*(?:import\b(?!\s*\()|export\b)/m

let installed = false

/** What a file of the project exports. */
export async function importProjectFile(path: string): Promise<Record<string, unknown>> {
  if (!installed) install()
  installed = true
  try {
    return await import(pathToFileURL(path).href)
  } catch (cause) {
    if (compilerAt(path) !== undefined || !needsCompiler(cause)) throw cause
    throw new HoldfastError('HF_PROJECT_SYNTAX', `${path}: ${(cause as Error).message}.`, { cause })
  }
}

/** Stripped of its types, a file may still hold decorators, or import a type that is not there. */
function needsCompiler(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || error instanceof SyntaxError
}

function install(): void {
  // Places in errors and traces are those of what was written.
  setSourceMapsSupport(true, { nodeModules: false, generatedCode: false })
  const resolver = new ImportResolver(new Packages('/'), filesOnDisk)
  registerHooks({
    resolve(specifier, context, next) {
      const { parentURL } = context
      if (parentURL === undefined || !isOfProject(parentURL)) return next(specifier, context)
      return resolved(
        () => next(specifier, context),
        () => {
          const found = resolver.resolve(fileURLToPath(parentURL).slice(1), specifier)
          if (found === undefined) return undefined
          return { url: pathToFileURL(`/${found}`).href, shortCircuit: true }
        },
      )
    },
    load(url, context, next) {
      if (!isOfProject(url) || !TYPESCRIPT.test(url)) return next(url, context)
      const path = fileURLToPath(url)
      const source = readFileSync(path, 'utf8')
      const format = formatOf(path, source)
      const compile = compilerAt(path)
      if (compile !== undefined) {
        return { format, source: compile(source, path, format), shortCircuit: true }
      }
      // Without a compiler of its own, what is written as a module is one.
      const isModule = format === 'module' || MODULE_SYNTAX.test(source)
      return next(url, {
        ...context,
        format: isModule ? 'module-typescript' : 'commonjs-typescript',
      })
    },
  })
}

const filesOnDisk = {
  has: (path: string) => statSync(`/${path}`, { throwIfNoEntry: false })?.isFile() ?? false,
  *[Symbol.iterator](): Generator<string> {},
}

function isOfProject(url: string): boolean {
  return url.startsWith('file:') && !url.includes('/node_modules/') && !url.startsWith(OWN)
}

/** What Node finds is it; its error stands where nothing else is found. */
function resolved(
  first: () => ResolveFnOutput,
  second: () => ResolveFnOutput | undefined,
): ResolveFnOutput {
  try {
    return first()
  } catch (error) {
    const found = second()
    if (found === undefined) throw error
    return found
  }
}

function formatOf(path: string, source: string): ModuleFormat {
  if (path.endsWith('.cts')) return 'commonjs'
  const { type } = manifestAbove(dirname(path))
  return path.endsWith('.mts') || type === 'module' || OF_MODULES.test(source)
    ? 'module'
    : 'commonjs'
}

const manifests = new Map<string, { readonly type?: unknown }>()

function manifestAbove(folder: string): { readonly type?: unknown } {
  const known = manifests.get(folder)
  if (known !== undefined) return known
  const found = readManifest(join(folder, 'package.json'))
  const above = dirname(folder)
  const manifest = found ?? (above === folder ? {} : manifestAbove(above))
  manifests.set(folder, manifest)
  return manifest
}

function readManifest(path: string): { readonly type?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const compilers = new Map<string, Compile | undefined>()

function compilerAt(path: string): Compile | undefined {
  const folder = dirname(path)
  if (!compilers.has(folder)) compilers.set(folder, compilerOf(createRequire(path), folder))
  return compilers.get(folder)
}
