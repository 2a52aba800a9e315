/** Starts keepers and registers with them (see keeper.ts for its states and its dialogue). */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type FaultCode, HoldfastError } from '../../base/fault.ts'
import type { KeeperReport, KeeperState, KeeperTask } from './keeper-protocol.ts'

/** Longer than the server's own start limit, so that the keeper's message wins. */
const REPORT_TIMEOUT_MS = 150_000
const WELCOME_TIMEOUT_MS = 5_000
/** Longer than the keeper takes to stop a server by force. */
const GOODBYE_TIMEOUT_MS = 25_000

/** Beside this file, with the same ending: source as it stands, or what it was compiled to. */
const script = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './keeper.ts' : './keeper.js', import.meta.url),
)

/**
 * Starts a keeper and waits until its server is ready.
 * @param cacheFolder for compiled code: the keeper then starts in 55 ms instead of 140
 */
export function startKeeper(task: KeeperTask, cacheFolder: string): Promise<KeeperState> {
  const child = spawn(process.execPath, [script], {
    cwd: '/',
    // Nothing else of this process: NODE_OPTIONS may hold --inspect-brk.
    env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: cacheFolder },
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify(task))
  return new Promise((resolve, reject) => {
    let heard = ''
    const end = (finish: () => void) => {
      clearTimeout(timer)
      child.stdout.destroy()
      child.unref()
      finish()
    }
    const fail = (code: FaultCode, message: string) =>
      end(() => reject(new HoldfastError(code, message)))
    const timer = setTimeout(() => {
      child.kill('SIGTERM')
      fail('HF_EMBEDDED_TIMEOUT', `The keeper said nothing for ${REPORT_TIMEOUT_MS} ms.`)
    }, REPORT_TIMEOUT_MS)
    child.once('error', (error) => fail('HF_EMBEDDED_START', error.message))
    child.once('exit', (code, signal) =>
      fail('HF_EMBEDDED_START', `The keeper ended (${signal ?? code}) without a report.`),
    )
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text
      if (!heard.includes('\n')) return
      const message: KeeperReport = JSON.parse(heard)
      if ('ready' in message) end(() => resolve(message.ready))
      else fail(message.error.code as FaultCode, message.error.message)
    })
  })
}

/** What the state file says; undefined where there is none or it is no state. */
export function readKeeperState(stateFile: string): KeeperState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8'))
  } catch {
    return undefined
  }
}

export interface Registration {
  /** Leaves; resolves when the server has stopped, or at once where others use it. */
  leave(): Promise<void>
  /** Calls back when the keeper is gone although nobody left. */
  onLost(callback: () => void): void
}

/** `turned-away`: the keeper is about to end; `gone`: nobody listens. */
export type Registering = Registration | 'turned-away' | 'gone'

/** Registers as a user of the server. */
export function register(state: KeeperState): Promise<Registering> {
  return new Promise((resolve) => {
    let connected = false
    const socket = connect({ host: '127.0.0.1', port: state.keeperPort })
    socket.setTimeout(WELCOME_TIMEOUT_MS, () => socket.destroy())
    socket.once('connect', () => {
      connected = true
    })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => resolve(connected ? 'turned-away' : 'gone'))
    socket.once('data', () => {
      socket.setTimeout(0)
      socket.removeAllListeners('close')
      // The app's own work keeps it alive, not this connection.
      socket.unref()
      resolve(registration(socket))
    })
    socket.write(`hello ${state.token}\n`)
  })
}

function registration(socket: Socket): Registration {
  let left: Promise<void> | undefined
  const leave = () =>
    new Promise<void>((resolve) => {
      if (socket.closed) return resolve()
      socket.ref()
      socket.setTimeout(GOODBYE_TIMEOUT_MS, () => socket.destroy())
      socket.once('close', () => resolve())
      socket.resume()
      socket.write('bye\n')
    })
  return {
    leave: () => {
      left ??= leave()
      return left
    },
    onLost: (callback) => {
      socket.resume()
      socket.once('close', () => {
        if (left === undefined) callback()
      })
    },
  }
}
