/**
 * A cluster is a folder `{ data/, secret.json }`: a Postgres data folder and the passwords of its two
 * roles. It is made beside its place and renamed into it, so that it is either whole or not there.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import type { Binaries } from './binaries.ts'
import { runProgram } from './run-program.ts'
import type { ServerAccount } from './server-account.ts'

export interface Secrets {
  /** Of the superuser `postgres`. */
  readonly admin: string
  /** Of the login role `holdfast`. */
  readonly owner: string
}

/** initdb takes 0.7 s; on a cold shared disk some seconds. */
const INITDB_TIMEOUT_MS = 120_000
const COPY_TIMEOUT_MS = 60_000
const PASSWORD_BYTES = 24

export function dataFolder(cluster: string): string {
  return join(cluster, 'data')
}

export function readSecrets(cluster: string): Secrets {
  return JSON.parse(readFileSync(join(cluster, 'secret.json'), 'utf8'))
}

export function clusterExists(cluster: string): boolean {
  return (
    existsSync(join(cluster, 'secret.json')) && existsSync(join(dataFolder(cluster), 'PG_VERSION'))
  )
}

/** A folder that the server's user may write and only it and this process may read. */
export function makeServerFolder(path: string, account: ServerAccount): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(path, account.uid, account.gid)
  chmodSync(path, 0o700)
}

export interface ClusterOptions {
  readonly binaries: Binaries
  readonly account: ServerAccount
  /** Arguments of initdb beyond the common ones. */
  readonly initdbArgs?: readonly string[]
}

/** C.UTF-8 of Postgres itself: the same order on every machine, whatever its C library. */
const LOCALE = [
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--locale=C',
  '--builtin-locale=C.UTF-8',
]

async function initialise(
  cluster: string,
  secrets: Secrets,
  options: ClusterOptions,
): Promise<void> {
  const { binaries, account, initdbArgs = [] } = options
  const passwordFile = join(cluster, 'password')
  writeFileSync(passwordFile, secrets.admin, { mode: 0o600 })
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(passwordFile, account.uid, account.gid)
  const args = ['-D', dataFolder(cluster), '-U', 'postgres', '--auth=scram-sha-256']
  const result = await runProgram(
    binaries.initdb,
    [...args, `--pwfile=${passwordFile}`, ...LOCALE, ...initdbArgs],
    { account, env: binaries.env, timeoutMs: INITDB_TIMEOUT_MS },
  )
  rmSync(passwordFile, { force: true })
  if (result.code !== 0) throw initdbFault(cluster, result.output)
}

function initdbFault(cluster: string, output: string): HoldfastError {
  const lines = output.trim().split('\n').slice(-6).join('\n')
  if (/No space left/.test(output))
    return new HoldfastError('HF_EMBEDDED_DISK_FULL', `The disk of ${cluster} is full.`)
  if (/could not look up effective user ID/.test(output))
    return new HoldfastError(
      'HF_EMBEDDED_UNSUPPORTED',
      `Postgres needs an entry in /etc/passwd for the user id ${process.getuid?.()}; run as a user that has one.`,
    )
  if (/Permission denied|Read-only file system/.test(output))
    return new HoldfastError(
      'HF_EMBEDDED_FOLDER',
      `Cannot make a data folder at ${cluster}: ${lines}.`,
    )
  return new HoldfastError('HF_EMBEDDED_START', `initdb failed: ${lines}.`)
}

/** Moves a finished folder to its place; who comes second drops its own. */
function settle(part: string, cluster: string): void {
  try {
    renameSync(part, cluster)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    if (!clusterExists(cluster)) throw error
  }
}

/** Removes what a killed process left half made. The caller holds the lock of the cluster. */
export function removeParts(cluster: string): void {
  const folder = dirname(cluster)
  for (const name of readdirSync(folder))
    if (name.startsWith(`${basename(cluster)}.part-`))
      rmSync(join(folder, name), { recursive: true, force: true })
}

/** Makes a new cluster at `cluster` unless there is one. One caller at a time: it holds the lock. */
export async function createCluster(cluster: string, options: ClusterOptions): Promise<void> {
  if (clusterExists(cluster)) return
  removeParts(cluster)
  const part = `${cluster}.part-${randomToken(6)}`
  const secrets = { admin: randomToken(PASSWORD_BYTES), owner: randomToken(PASSWORD_BYTES) }
  try {
    makeServerFolder(part, options.account)
    await initialise(part, secrets, options)
    writeFileSync(join(part, 'secret.json'), JSON.stringify(secrets), { mode: 0o600 })
    settle(part, cluster)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    throw error
  }
}

/** Copies a stopped cluster, sharing blocks where the file system can. */
export async function copyCluster(from: string, to: string, account: ServerAccount): Promise<void> {
  makeServerFolder(to, account)
  const args = process.platform === 'darwin' ? ['-Rpc'] : ['-a', '--reflink=auto']
  const result = await runProgram('cp', [...args, dataFolder(from), dataFolder(to)], {
    account,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    timeoutMs: COPY_TIMEOUT_MS,
  })
  if (result.code !== 0) throw initdbFault(to, result.output)
  writeFileSync(join(to, 'secret.json'), JSON.stringify(readSecrets(from)), { mode: 0o600 })
}
