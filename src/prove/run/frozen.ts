/**
 * What would make a command run differently each time is its own to see and the same in every run:
 * the clock stands still, random values come from its name, and a timer runs out when the schedule
 * says so. Only code of a command sees this; everything else in the process has the real ones.
 */
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import { callerPlace, directCaller, isCalledByNode } from './place.ts'
import { atPlace, currentSession, HAND_IN, type Session } from './session.ts'
import { userPlace } from './trail.ts'

type Patch = (...args: never[]) => unknown

/** Undoes the patches when the last explorer has ended. */
let users = 0
let restore: () => void = () => {}

export function freeze(): Disposable {
  if (users === 0) restore = patchAll()
  users += 1
  return {
    [Symbol.dispose]() {
      users -= 1
      if (users === 0) restore()
    },
  }
}

function patchAll(): () => void {
  const undo: (() => void)[] = []
  const patch = (owner: object, name: string, make: (real: Patch) => Patch) => {
    const found = Object.getOwnPropertyDescriptor(owner, name)
    const real = Reflect.get(owner, name) as Patch
    Object.defineProperty(owner, name, {
      value: make(real),
      writable: true,
      configurable: true,
      enumerable: found?.enumerable ?? true,
    })
    undo.push(() => {
      if (found === undefined) Reflect.deleteProperty(owner, name)
      else Object.defineProperty(owner, name, found)
    })
  }
  patchDate(patch)
  patchRandom(patch)
  patchTimers(patch)
  patchConnect(patch)
  syncBuiltinESMExports()
  return () => {
    for (const step of undo.toReversed()) step()
    syncBuiltinESMExports()
  }
}

type Patcher = (owner: object, name: string, make: (real: Patch) => Patch) => void

/** Inside of a command the frozen way, elsewhere the real one. */
function inSession(frozen: (session: Session, ...args: never[]) => unknown) {
  return (real: Patch): Patch =>
    function (this: unknown, ...args: never[]) {
      const session = currentSession.getStore()
      return session === undefined ? Reflect.apply(real, this, args) : frozen(session, ...args)
    }
}

function patchDate(patch: Patcher): void {
  const now = () => currentSession.getStore()?.world.nowMs
  patch(globalThis, 'Date', (real) => {
    const frozen = new Proxy(real as unknown as DateConstructor, {
      construct(target, args, newTarget) {
        const ms = args.length === 0 ? now() : undefined
        return Reflect.construct(target, ms === undefined ? args : [ms], newTarget)
      },
      apply(target, self, args) {
        const ms = now()
        return ms === undefined ? Reflect.apply(target, self, args) : new target(ms).toString()
      },
      get(target, name, receiver) {
        if (name !== 'now') return Reflect.get(target, name, receiver)
        return () => now() ?? target.now()
      },
    })
    return frozen as unknown as Patch
  })
}

function patchRandom(patch: Patcher): void {
  const bytes = (session: Session, size: number) => Buffer.from(session.world.bytes(size))
  const uuid = inSession((session) => session.world.uuid())
  const fill = inSession((session, array: Uint8Array) => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
      session.world.bytes(array.byteLength),
    )
    return array
  })
  patch(
    Math,
    'random',
    inSession((session) => session.world.fraction()),
  )
  patch(globalThis.crypto, 'randomUUID', uuid)
  patch(globalThis.crypto, 'getRandomValues', fill)
  patch(crypto, 'randomUUID', uuid)
  patch(crypto, 'randomFillSync', fill)
  patch(
    crypto,
    'randomBytes',
    inSession((session, size: number, callback?: (error: null, value: Buffer) => void) => {
      if (callback === undefined) return bytes(session, size)
      const value = bytes(session, size)
      queueMicrotask(() => callback(null, value))
      return undefined
    }),
  )
  patch(
    crypto,
    'randomInt',
    inSession((session, from: number, to?: number) => {
      const [min, max] = typeof to === 'number' ? [from, to] : [0, from]
      return min + Math.floor(session.world.fraction() * (max - min))
    }),
  )
}

const LOOPBACK = /^(?:localhost|127\.[\d.]+|::1|\[::1\])$/

/** A service in this process may be called; what lies outside answers as it likes. */
function patchConnect(patch: Patcher): void {
  patch(net.Socket.prototype, 'connect', (real) => {
    return function (this: unknown, ...args: never[]) {
      const session = currentSession.getStore()
      const [target, host] = (Array.isArray(args[0]) ? args[0] : args) as unknown[]
      const options = (typeof target === 'object' ? target : { port: target, host }) as Target
      if (
        session !== undefined &&
        options.path === undefined &&
        !LOOPBACK.test(options.host ?? 'localhost')
      )
        session.complain(
          `${session.name} calls ${options.host}${atPlace(callerPlace())}. ${HAND_IN}`,
        )
      return Reflect.apply(real, this, args)
    }
  })
}

interface Target {
  readonly host?: string
  readonly path?: string
}

/**
 * Tells of files that the code of a command asks for itself. Every promise passes here, so it is for
 * the few runs that come first.
 */
export function watchFiles(): Disposable {
  const hook = createHook({
    init(_id, type) {
      const session = type.startsWith('FSREQ') ? currentSession.getStore() : undefined
      const place = session && directCaller()
      if (place !== undefined)
        session?.complain(
          `${session.name} waits for a file at ${place}. Read it before the race, and hand in what it says.`,
        )
    },
  }).enable()
  return { [Symbol.dispose]: () => void hook.disable() }
}

/** A timer of a command, as its code sees it. */
class VirtualTimer {
  readonly clear: () => void

  constructor(clear: () => void) {
    this.clear = clear
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  refresh(): this {
    return this
  }

  close(): void {
    this.clear()
  }

  [Symbol.dispose](): void {
    this.clear()
  }
}

/** More runs of an interval than this show nothing new. */
const INTERVAL_RUNS_MAX = 5

function patchTimers(patch: Patcher): void {
  const once = inVirtualTime((session, callback, delayMs) => setTimer(session, callback, delayMs))
  const often = inVirtualTime(setRepeating)
  const clear = (real: Patch): Patch =>
    function (this: unknown, ...args: never[]) {
      const [timer] = args as unknown[]
      if (timer instanceof VirtualTimer) return timer.clear()
      return Reflect.apply(real, this, args)
    }
  for (const owner of [globalThis, timers]) {
    patch(owner, 'setTimeout', once)
    patch(owner, 'setInterval', often)
    patch(owner, 'clearTimeout', clear)
    patch(owner, 'clearInterval', clear)
  }
  patch(timersPromises, 'setTimeout', (real) => (...args: never[]) => {
    const session = currentSession.getStore()
    const [delayMs, value] = args as unknown as [number, unknown]
    if (session === undefined) return real(...args)
    return new Promise((resolve) => setTimer(session, () => resolve(value), delayMs))
  })
}

type Callback = () => void

function inVirtualTime(
  set: (session: Session, callback: Callback, delayMs: number) => VirtualTimer,
): (real: Patch) => Patch {
  return (real) =>
    function (this: unknown, ...args: never[]) {
      const session = currentSession.getStore()
      // fetch and others in Node itself guard real sockets by real timers.
      if (session === undefined || isCalledByNode()) return Reflect.apply(real, this, args)
      const [callback, delayMs = 0, ...rest] = args as unknown as [Patch, number?]
      return set(session, () => void Reflect.apply(callback, undefined, rest), delayMs)
    }
}

function setTimer(session: Session, callback: Callback, delayMs: number): VirtualTimer {
  const inside = AsyncLocalStorage.snapshot()
  const place = session.traced ? userPlace() : undefined
  const clear = session.setTimer(delayMs, place, () => inside(callback))
  return new VirtualTimer(clear)
}

function setRepeating(session: Session, callback: Callback, delayMs: number): VirtualTimer {
  let runs = 0
  let current = setTimer(session, run, delayMs)
  function run(): void {
    runs += 1
    if (runs < INTERVAL_RUNS_MAX) current = setTimer(session, run, delayMs)
    callback()
  }
  return new VirtualTimer(() => {
    runs = INTERVAL_RUNS_MAX
    current.clear()
  })
}
