/**
 * A Postgres server for tests: its own data folder, copied from a template that is made once per
 * machine user and version, and removed at the end. Nothing is durable, everything is fast.
 */
import { readdirSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import { isProcessAlive } from '../../runtime/process-liveness.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { clusterExists, createCluster, dataFolder, readSecrets, removeParts } from './cluster.ts'
import { fallbackFolder } from './fallback-folder.ts'
import { withFileLock } from './file-lock.ts'
import { readKeeperState, register, startKeeper } from './keeper-client.ts'
import { runningPostmaster, type ServerSettings, stopPostmaster } from './postmaster.ts'
import { type ServerAccount, serverAccount } from './server-account.ts'
import {
  type EmbeddedPostgres,
  type Membership,
  prepareServer,
  ServerHandle,
} from './server-handle.ts'

export interface TestServerOptions {
  /** Server settings on top of the ones for tests, such as `{ wal_level: 'logical' }`. */
  readonly settings?: ServerSettings
}

const SETTINGS = {
  max_connections: 200,
  shared_buffers: '64MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // WAL segments of the template have 1 MB, which would make checkpoints frequent.
  max_wal_size: '512MB',
  log_min_messages: 'fatal',
}
/** Counts up when what a template holds changes. */
const TEMPLATE_FORMAT = 1
const TEMPLATE_TIMEOUT_MS = 180_000
const INITDB_ARGS = ['--wal-segsize=1', '--no-sync', '--no-instructions']

/** A few test servers with some hundred megabytes of test data each. */
const MEMORY_BYTES_MIN = 2 * 2 ** 30

/** In memory, CREATE DATABASE takes 10 ms instead of 100: a test run makes hundreds. */
export function temporaryBases(): string[] {
  const onDisk = ['/var/tmp', tmpdir()]
  return memoryIsRoomy() ? ['/dev/shm', ...onDisk] : onDisk
}

function memoryIsRoomy(): boolean {
  try {
    const { bsize, bavail } = statfsSync('/dev/shm')
    return process.platform === 'linux' && bsize * bavail >= MEMORY_BYTES_MIN
  } catch {
    return false
  }
}

interface Workshop {
  /** One for all projects of this machine user: holds `template-…/`. */
  readonly folder: string
  /** Holds a `run-…/` for each server. */
  readonly runs: string
  readonly binaries: Binaries
  readonly account: ServerAccount
}

async function openWorkshop(): Promise<Workshop> {
  const account = serverAccount()
  const folder = fallbackFolder('test servers')
  const binaries = await findBinaries(account, () => folder)
  return { account, folder, binaries, runs: fallbackFolder('test servers', temporaryBases()) }
}

interface Start {
  readonly cluster: string
  readonly settings: ServerSettings
  readonly copyOf?: string
}

async function startIn(workshop: Workshop, start: Start): Promise<Membership> {
  const { account, binaries } = workshop
  const logFile = join(start.cluster, 'postgres.log')
  const stateFile = join(start.cluster, 'postgres.json')
  const task = { ...start, account, binaries, logFile, stateFile }
  const state = await startKeeper(task, join(workshop.folder, 'compiled'))
  const registration = await register(state)
  if (typeof registration === 'object') return { state, registration }
  throw new HoldfastError('HF_EMBEDDED_START', 'The test server ended before it was used.')
}

/** The template holds the roles already, so that a copy is ready as soon as it runs. */
async function makeTemplate(workshop: Workshop, template: string): Promise<void> {
  removeParts(template)
  const part = `${template}.part-${randomToken(6)}`
  try {
    await createCluster(part, { ...workshop, initdbArgs: INITDB_ARGS })
    const { state, registration } = await startIn(workshop, { cluster: part, settings: SETTINGS })
    await prepareServer(state.port, readSecrets(part))
    await registration.leave()
    renameSync(part, template)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

async function ensureTemplate(workshop: Workshop): Promise<string> {
  const name = `template-${workshop.binaries.version}-${TEMPLATE_FORMAT}`
  const template = join(workshop.folder, name)
  if (clusterExists(template)) return template
  await withFileLock(`${template}.lock`, TEMPLATE_TIMEOUT_MS, async () => {
    if (!clusterExists(template)) await makeTemplate(workshop, template)
  })
  return template
}

/** Removes what a killed keeper left: its server, if it runs still, and its folder. */
async function removeLeftover(run: string): Promise<void> {
  const keeperPid = readKeeperState(join(run, 'postgres.json'))?.keeperPid
  const makerPid = Number(/run-(\d+)-/.exec(run)?.[1])
  if (isProcessAlive(keeperPid ?? makerPid) || isProcessAlive(makerPid)) return
  const server = runningPostmaster(dataFolder(run))
  if (server !== undefined) await stopPostmaster(server)
  rmSync(run, { recursive: true, force: true })
}

async function removeLeftovers({ runs }: Workshop): Promise<void> {
  for (const name of readdirSync(runs))
    if (name.startsWith('run-')) await removeLeftover(join(runs, name))
}

/** Starts a server of its own for this process. It ends, and its data go, with this process. */
export async function startTestServer(options: TestServerOptions = {}): Promise<EmbeddedPostgres> {
  const workshop = await openWorkshop()
  await removeLeftovers(workshop)
  const copyOf = await ensureTemplate(workshop)
  const cluster = join(workshop.runs, `run-${process.pid}-${randomToken(6)}`)
  const settings = { ...SETTINGS, ...options.settings }
  const enter = () => startIn(workshop, { cluster, settings, copyOf })
  const membership = await enter()
  return new ServerHandle(membership, readSecrets(cluster), () =>
    Promise.reject(new Error('A test server is not taken over.')),
  )
}
