/**
 * The keeper: a small process that starts one Postgres server and stops it when its last user is gone.
 *
 * - A *user* is a process that holds a connection to the keeper. The kernel closes it with the process,
 *   however that ends, SIGKILL included: so users need no clean-up of their own.
 * - States: *starting* -> *serving* -> *stopping* -> ended.
 *   - starting: copies the template where told, starts the server or takes over one that already runs
 *     on the folder (its keeper was killed), writes the state file, reports.
 *   - serving: counts users. A server that dies is started again on the same port.
 *   - stopping: entered when the last user leaves, when no user came in time, and on SIGTERM. New
 *     users are turned away: they wait for this keeper's end and start another.
 * - Dialogue, one line each: the user says `hello <token>`, the keeper `welcome`; a user that wants to
 *   know when it is done says `bye` and waits for the close, which comes after the server has stopped
 *   if it was the last.
 *
 * It is a session of its own: an interrupt from the terminal ends the app first, then the server.
 */
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import { isProcessAlive } from '../../runtime/process-liveness.ts'
import { copyCluster, dataFolder } from './cluster.ts'
import type { KeeperReport, KeeperState, KeeperTask } from './keeper-protocol.ts'
import {
  type Postmaster,
  runningPostmaster,
  startPostmaster,
  stopPostmaster,
} from './postmaster.ts'

/** Who started the keeper connects at once; if it died meanwhile nobody will. */
const FIRST_USER_TIMEOUT_MS = 15_000
const HELLO_TIMEOUT_MS = 5_000
const HELLO_CHARS_MAX = 200
const WATCH_INTERVAL_MS = 250
/** A server that dies that often does not die by accident. */
const RESTARTS_MAX = 20

class Keeper {
  readonly #task: KeeperTask
  readonly #token = randomToken(24)
  readonly #users = new Set<Socket>()
  #door: Server | undefined
  #server: Postmaster | undefined
  #stopping: Promise<void> | undefined

  constructor(task: KeeperTask) {
    this.#task = task
  }

  async start(): Promise<KeeperState> {
    const { copyOf, cluster, account, portWanted, stateFile } = this.#task
    if (copyOf !== undefined) await copyCluster(copyOf, cluster, account)
    this.#server = await this.#startServer(portWanted)
    this.#door = await this.#openDoor()
    const state = this.#state()
    writeState(stateFile, state)
    this.#watchServer().catch(() => this.stop())
    setTimeout(() => this.#stopIfUnused(), FIRST_USER_TIMEOUT_MS).unref()
    return state
  }

  /** Stops the server once and for all; further calls wait for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopNow()
    return this.#stopping
  }

  async #startServer(portWanted: number | undefined): Promise<Postmaster> {
    const dataDir = dataFolder(this.#task.cluster)
    const { binaries, account, settings, logFile } = this.#task
    const options = { binaries, account, settings, logFile, dataDir, portWanted }
    return runningPostmaster(dataDir) ?? (await startPostmaster(options))
  }

  #state(): KeeperState {
    const address = this.#door?.address()
    const keeperPort = typeof address === 'object' ? (address?.port ?? 0) : 0
    const { cluster } = this.#task
    const server = this.#server as Postmaster
    const dataDir = dataFolder(cluster)
    return { ...server, dataDir, cluster, keeperPid: process.pid, keeperPort, token: this.#token }
  }

  #openDoor(): Promise<Server> {
    const door = createServer((socket) => this.#admit(socket))
    return new Promise((resolve, reject) => {
      door.once('error', reject)
      door.listen({ host: '127.0.0.1', port: 0 }, () => resolve(door))
    })
  }

  #admit(socket: Socket): void {
    let heard = ''
    socket.setTimeout(HELLO_TIMEOUT_MS, () => socket.destroy())
    socket.setEncoding('utf8')
    socket.on('error', () => socket.destroy())
    socket.on('data', (text: string) => {
      heard += text
      if (heard.length > HELLO_CHARS_MAX) socket.destroy()
      for (let end = heard.indexOf('\n'); end >= 0; end = heard.indexOf('\n')) {
        const line = heard.slice(0, end)
        heard = heard.slice(end + 1)
        this.#hear(socket, line)
      }
    })
    socket.once('close', () => this.#leave(socket))
  }

  #hear(socket: Socket, line: string): void {
    if (line === `hello ${this.#token}` && this.#stopping === undefined) {
      socket.setTimeout(0)
      this.#users.add(socket)
      socket.write('welcome\n')
    } else if (line === 'bye' && this.#users.has(socket)) {
      this.#leave(socket)
      // The last user waits for the end of the server: the close of this process tells it.
      if (this.#stopping === undefined) socket.end()
    } else socket.destroy()
  }

  #leave(socket: Socket): void {
    if (this.#users.delete(socket)) this.#stopIfUnused()
  }

  #stopIfUnused(): void {
    if (this.#users.size === 0) void this.stop()
  }

  async #stopNow(): Promise<void> {
    const { stateFile, cluster, copyOf } = this.#task
    if (this.#server !== undefined) await stopPostmaster(this.#server)
    // Last, so that until then a newcomer meets this keeper and waits for its end.
    rmSync(stateFile, { force: true })
    if (copyOf !== undefined) rmSync(cluster, { recursive: true, force: true })
    process.exit(0)
  }

  /** The server may be one that was taken over, no child of ours: so its life is polled. */
  async #watchServer(): Promise<void> {
    for (let restarts = 0; restarts < RESTARTS_MAX; restarts++) {
      while (this.#server !== undefined && isProcessAlive(this.#server.pid)) {
        await sleep(WATCH_INTERVAL_MS)
        if (this.#stopping !== undefined) return
      }
      this.#server = await this.#startServer(this.#server?.port)
      writeState(this.#task.stateFile, this.#state())
    }
    await this.stop()
  }
}

function writeState(path: string, state: KeeperState): void {
  const part = `${path}.${process.pid}`
  writeFileSync(part, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(part, path)
}

function report(message: KeeperReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** The code and the bare message: the one who reads it makes a fault of its own from them. */
function errorReport(error: unknown): KeeperReport {
  if (!isFault(error)) return { error: { code: 'HF_EMBEDDED_START', message: String(error) } }
  const message = error.message.slice(error.code.length + 2, -error.next.length).trim()
  return { error: { code: error.code, message } }
}

/** Whoever started the keeper may be gone: its ends of the pipes are then closed. */
process.stdout.on('error', () => {})

const task: KeeperTask = JSON.parse(readFileSync(0, 'utf8'))
const keeper = new Keeper(task)
process.on('uncaughtExceptionMonitor', (error) =>
  appendFileSync(task.logFile, `keeper: ${error.stack}\n`),
)
process.on('SIGTERM', () => void keeper.stop())
for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => {})
try {
  report({ ready: await keeper.start() })
} catch (error) {
  report(errorReport(error))
  await keeper.stop()
}
