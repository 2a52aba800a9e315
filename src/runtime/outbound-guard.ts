/**
 * No call to the outside inside a transaction: the handler may run again, and its locks would be
 * held for as long as somebody else's server likes.
 *
 * Terms. *Inside*: code that a transaction's `run` has started, in its async context, until that
 * `run` has ended; code it left behind is outside again. *Outside*: everything else, and what
 * `outsideTransaction` wraps: the pool while it connects, exporters of telemetry.
 *
 * What is seen: `fetch` and `WebSocket` (also over a kept-alive socket), requests of `node:http` and `node:https`
 * (also from an agent's pool), every new connection of a socket (TLS and HTTP/2 begin
 * with one) and every datagram. What is not: a library that writes to a connection of its own which
 * it opened earlier; our own clients (src/outbound) ask `transactionAround` first.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import dgram from 'node:dgram'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { HoldfastError } from '../base/fault.ts'
import { http, https } from './node-http.ts'

interface Inside {
  readonly operation: string
  /** The transaction around it: code left behind by a called command is still inside that one. */
  readonly around: Inside | undefined
  running: boolean
}

const storage = new AsyncLocalStorage<Inside | undefined>()

/** Runs `work` as the inside of a transaction of `operation`. */
export async function insideTransaction<T>(
  operation: string,
  work: () => Promise<T> | T,
): Promise<T> {
  if (isLateDoorOpen) closeLateDoor()
  const inside: Inside = { operation, around: storage.getStore(), running: true }
  try {
    return await storage.run(inside, work)
  } finally {
    inside.running = false
  }
}

/** Runs `work` as if no transaction were around it. For what must reach out whoever asks. */
export function outsideTransaction<T>(work: () => T): T {
  return storage.getStore() === undefined ? work() : storage.run(undefined, work)
}

/** The operation whose transaction this code is inside of. */
export function transactionAround(): string | undefined {
  let inside = storage.getStore()
  while (inside !== undefined && !inside.running) inside = inside.around
  return inside?.operation
}

function refusal(target: () => string): HoldfastError | undefined {
  const operation = transactionAround()
  if (operation === undefined) return undefined
  return new HoldfastError(
    'HF_OUTBOUND_IN_TRANSACTION',
    `${operation} called ${target()} inside its transaction.`,
    { facts: { operation, target: target() } },
  )
}

type AnyFunction = (this: unknown, ...parts: unknown[]) => unknown

interface Door {
  readonly on: object
  readonly name: string
  readonly target: (parts: readonly unknown[]) => string
  /** The caller of this one expects a rejected promise. */
  readonly rejects?: boolean
}

const doors: readonly Door[] = [
  { on: globalThis, name: 'fetch', target: ([input]) => hostOf(input), rejects: true },
  ...[http, https].flatMap((module) => [
    { on: module, name: 'request', target: requestTarget },
    { on: module, name: 'get', target: requestTarget },
  ]),
  // For code that took `request` out of its module before we came: an agent is asked last.
  { on: http.Agent.prototype, name: 'addRequest', target: ([, options]) => hostOf(options) },
  { on: net.Socket.prototype, name: 'connect', target: connectTarget },
  { on: dgram.Socket.prototype, name: 'send', target: () => 'a datagram' },
]

/**
 * Made by Node when somebody first looks at it, with the whole client behind `fetch`: a tenth of what an
 * API needs to start. Nobody is inside a transaction before the first one begins.
 */
const lateDoor: Door = { on: globalThis, name: 'WebSocket', target: ([input]) => hostOf(input) }

function guarded(door: Door, original: AnyFunction): AnyFunction {
  const guard: AnyFunction = function (this: unknown, ...parts) {
    const error = refusal(() => door.target(parts))
    if (error !== undefined && door.rejects) return Promise.reject(error)
    if (error !== undefined) throw error
    return new.target ? Reflect.construct(original, parts, new.target) : original.apply(this, parts)
  }
  // A class keeps its constants and its instances.
  guard.prototype = original.prototype
  return Object.setPrototypeOf(guard, original)
}

let installations = 0
let restores: (() => void)[] = []
let isLateDoorOpen = false

/** Closes the doors, once for the process. Returns the way to open them again. Idempotent. */
export function installOutboundGuard(): () => void {
  if (installations++ === 0) {
    restores = doors.map(close)
    isLateDoorOpen = true
    syncBuiltinESMExports()
  }
  let installed = true
  return () => {
    if (installed) uninstall()
    installed = false
  }
}

function closeLateDoor(): void {
  isLateDoorOpen = false
  restores.push(close(lateDoor))
}

function uninstall(): void {
  if (--installations > 0) return
  isLateDoorOpen = false
  for (const restore of restores) restore()
  syncBuiltinESMExports()
}

function close(door: Door): () => void {
  const on = door.on as Record<string, AnyFunction>
  const original = on[door.name] as AnyFunction
  const guard = guarded(door, original)
  on[door.name] = guard
  return () => {
    // Somebody may have wrapped ours since: theirs stays, and finds nobody inside.
    if (on[door.name] === guard) on[door.name] = original
  }
}

/** `request(url, options)`, `request(options)`: where both are given, options win one by one. */
function requestTarget(parts: readonly unknown[]): string {
  const [first, second] = parts
  if (!hasHost(second)) return hostOf(first)
  const url = URL.canParse(String(first)) ? new URL(String(first)) : undefined
  return hostOf({ hostname: url?.hostname, ...(second as HostOptions) })
}

/** `connect(options)`, `connect(port, host)`, `connect(path)`, or net's own `connect([options, cb])`. */
function connectTarget(parts: readonly unknown[]): string {
  const [first, second] = Array.isArray(parts[0]) ? parts[0] : parts
  if (typeof first === 'object') return hostOf(first)
  const port = Number(first)
  if (!Number.isInteger(port)) return String(first)
  return `${typeof second === 'string' ? second : 'localhost'}:${port}`
}

interface HostOptions {
  readonly hostname?: unknown
  readonly host?: unknown
  readonly port?: unknown
  readonly path?: unknown
  readonly url?: unknown
}

function hasHost(options: unknown): boolean {
  const { hostname, host, port } = (options ?? {}) as HostOptions
  return hostname !== undefined || host !== undefined || port !== undefined
}

/** Host and port alone: path and query may hold what must not be logged. */
function hostOf(input: unknown): string {
  if (typeof input === 'string') return URL.canParse(input) ? new URL(input).host : 'an address'
  if (input instanceof URL) return input.host
  const options = (input ?? {}) as HostOptions
  if (typeof options.url === 'string') return hostOf(options.url)
  if (!hasHost(options)) return typeof options.path === 'string' ? options.path : 'localhost'
  const host = String(options.hostname ?? options.host ?? 'localhost')
  return options.port === undefined || options.port === null ? host : `${host}:${options.port}`
}
