/** The compiler that a project has installed for itself, as far as one file needs it. */

export type ModuleFormat = 'module' | 'commonjs'

/** Source text to JavaScript with its source map inside. */
export type Compile = (source: string, path: string, format: ModuleFormat) => string

/** `typescript` from 3 to 6: what is used of it. */
interface TypeScript {
  readonly ModuleKind: { readonly CommonJS: number; readonly ESNext: number }
  readonly ScriptTarget: { readonly ES2022: number }
  readonly sys: { readonly fileExists: unknown; readonly readFile: unknown }
  findConfigFile(folder: string, exists: unknown): string | undefined
  readConfigFile(path: string, read: unknown): { readonly config?: object }
  parseJsonConfigFileContent(
    config: object,
    host: object,
    folder: string,
  ): { readonly options: object }
  transpileModule(
    source: string,
    options: { readonly compilerOptions: object; readonly fileName: string },
  ): { readonly outputText: string }
}

interface Esbuild {
  transformSync(source: string, options: object): { readonly code: string }
}

/** The first that is there; `typescript` knows all that the project's tsconfig asks for. */
export function compilerOf(require: NodeJS.Require, folder: string): Compile | undefined {
  const typescript = optional<TypeScript>(require, 'typescript')
  if (typeof typescript?.transpileModule === 'function') return byTypeScript(typescript, folder)
  const esbuild = optional<Esbuild>(require, 'esbuild')
  return esbuild && byEsbuild(esbuild)
}

function optional<T>(require: NodeJS.Require, name: string): T | undefined {
  try {
    return require(name)
  } catch {
    return undefined
  }
}

function byTypeScript(ts: TypeScript, folder: string): Compile {
  const own = optionsAt(ts, folder)
  return (source, fileName, format) => {
    const compilerOptions = {
      esModuleInterop: true,
      ...own,
      module: format === 'module' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      inlineSourceMap: true,
      sourceMap: false,
      // Of a whole program, which this is not.
      verbatimModuleSyntax: false,
      isolatedModules: true,
      declaration: false,
      composite: false,
      incremental: false,
    }
    return ts.transpileModule(source, { compilerOptions, fileName }).outputText
  }
}

function optionsAt(ts: TypeScript, folder: string): object {
  const path = ts.findConfigFile(folder, ts.sys.fileExists)
  if (path === undefined) return {}
  const { config = {} } = ts.readConfigFile(path, ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, folder)
    .options
}

function byEsbuild({ transformSync }: Esbuild): Compile {
  return (source, sourcefile, format) =>
    transformSync(source, {
      loader: sourcefile.endsWith('x') ? 'tsx' : 'ts',
      format: format === 'module' ? 'esm' : 'cjs',
      platform: 'node',
      target: 'node24',
      sourcemap: 'inline',
      sourcefile,
      tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    }).code
}
