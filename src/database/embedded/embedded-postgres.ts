/**
 * The embedded Postgres of a project: a real server for development, under `.holdfast/` of the project.
 *
 * - The first process that asks for it starts a *keeper*, which starts the server; each process that
 *   asks, the first included, *registers* with the keeper. When the last one is gone, by `stop` or by
 *   any kind of end, the keeper stops the server (keeper.ts).
 * - Files: `postgres/<major>/` the cluster with the passwords of its roles, `postgres.json` how to reach
 *   the running server (mode 600, only while it runs), `postgres.log`, `postgres.lock` while starting.
 * - As root the server runs as an unprivileged user. Where that user cannot reach the project (below
 *   a private home folder), programs and data lie below /var/tmp; `elsewhere` says where.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../base/fault.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { createCluster, readSecrets } from './cluster.ts'
import { fallbackFolder, folderElsewhere, keepElsewhere, removeOrphans } from './fallback-folder.ts'
import { withFileLock } from './file-lock.ts'
import { readKeeperState, register, startKeeper } from './keeper-client.ts'
import { isReachable, projectFolder } from './project-folder.ts'
import { type ServerAccount, serverAccount } from './server-account.ts'
import {
  type EmbeddedPostgres,
  type Membership,
  prepareServer,
  ServerHandle,
} from './server-handle.ts'

/** Whose server it is. */
export interface EmbeddedPostgresOptions {
  /** The project whose server it is; its `.holdfast/` holds the data. */
  readonly projectDir: string
  /** Told once where something lies elsewhere than expected. Standard error by default. */
  readonly notify?: (message: string) => void
}

/** Durable as in production: a killed machine loses nothing that was committed. */
const SETTINGS = {
  max_connections: 200,
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  log_min_messages: 'warning',
  log_line_prefix: '%m [%p] ',
}
/** initdb, the start and a recovery after a crash together. */
const LOCK_TIMEOUT_MS = 300_000
/** A keeper that is about to end turns new users away, for as long as it stops its server (25 s). */
const REGISTER_ATTEMPTS_MAX = 600
const REGISTER_PAUSE_MS = 50
const LOG_BYTES_MAX = 10 * 2 ** 20

interface Place {
  readonly folder: string
  readonly cluster: string
  readonly binaries: Binaries
  readonly account: ServerAccount
}

function serverFolder(root: string): string {
  const path = join(root, 'postgres')
  mkdirSync(path, { recursive: true, mode: 0o755 })
  chmodSync(path, 0o755)
  return path
}

async function findPlace(projectDir: string, notify: (message: string) => void): Promise<Place> {
  const folder = projectFolder(projectDir)
  const account = serverAccount(statSync(folder))
  const noted = folderElsewhere(folder)
  const binaries = await findBinaries(account, () => noted ?? fallbackFolder(folder))
  const near = serverFolder(folder)
  if (noted === undefined && (await isReachable(near, account)))
    return { folder, account, binaries, cluster: clusterIn(near, binaries, notify) }
  const elsewhere = noted ?? fallbackFolder(folder)
  if (noted === undefined)
    notify(`An unprivileged user cannot reach ${near}: the data of Postgres lie in ${elsewhere}.`)
  keepElsewhere(folder, elsewhere)
  removeOrphans()
  const cluster = clusterIn(serverFolder(elsewhere), binaries, notify)
  return { folder, account, binaries, cluster }
}

/** Each major version has a data folder of its own: another one's is left as it is. */
function clusterIn(
  servers: string,
  { major }: Binaries,
  notify: (message: string) => void,
): string {
  const cluster = join(servers, String(major))
  const others = readdirSync(servers).filter((name) => /^\d+$/.test(name))
  if (!existsSync(cluster) && others.length > 0)
    notify(
      `Postgres ${major} starts empty; the data of version ${others.join(', ')} stay in ${servers}.`,
    )
  return cluster
}

function readNote(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8').trim()
  } catch {
    return undefined
  }
}

function trimLog(logFile: string): void {
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX)
    truncateSync(logFile, 0)
}

async function startServer(place: Place): Promise<void> {
  const { folder, cluster, binaries, account } = place
  await createCluster(cluster, { binaries, account })
  const logFile = join(folder, 'postgres.log')
  trimLog(logFile)
  const portWanted = Number(readNote(folder, 'postgres-port')) || undefined
  const stateFile = join(folder, 'postgres.json')
  const task = { binaries, account, cluster, settings: SETTINGS, logFile, stateFile, portWanted }
  const { port } = await startKeeper(task, join(folder, 'compiled'))
  writeFileSync(join(folder, 'postgres-port'), String(port))
  await prepareServer(port, readSecrets(cluster))
}

/** Registers with the keeper that is there, or starts one first. */
async function enter(place: Place): Promise<Membership> {
  const stateFile = join(place.folder, 'postgres.json')
  for (let attempt = 0; attempt < REGISTER_ATTEMPTS_MAX; attempt++) {
    const known = readKeeperState(stateFile)
    const answer = known === undefined ? 'gone' : await register(known)
    if (known !== undefined && typeof answer === 'object')
      return { state: known, registration: answer }
    if (answer === 'turned-away') await sleep(REGISTER_PAUSE_MS)
    else
      await withFileLock(join(place.folder, 'postgres.lock'), LOCK_TIMEOUT_MS, async () => {
        // Whoever held the lock before may have started it.
        const now = readKeeperState(stateFile)
        if (now === undefined || now.token === known?.token) await startServer(place)
      })
  }
  throw new HoldfastError('HF_EMBEDDED_TIMEOUT', 'The server ended each time before it was used.')
}

/**
 * Starts the embedded Postgres of a project, or joins it where it runs already.
 * @throws HoldfastError `HF_EMBEDDED_…` with what to do next
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const notify = options.notify ?? ((message) => process.stderr.write(`${message}\n`))
  const place = await findPlace(realpathSync(options.projectDir), notify)
  const membership = await enter(place)
  return new ServerHandle(membership, readSecrets(place.cluster), () => enter(place))
}
