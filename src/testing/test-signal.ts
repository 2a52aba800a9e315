/**
 * What a test waits for in place of sleeping: production code calls `emit` through a hook that is
 * not set otherwise, the test awaits what was emitted. Nothing is missed: values are kept until
 * somebody asks for them, in order.
 */
export interface TestSignal<T = void> {
  readonly emit: (value: T) => void
  /** The next value not yet taken. */
  next(): Promise<T>
  /** Takes values until one fits. */
  until(fits: (value: T) => boolean): Promise<T>
  /** Values emitted so far, taken or not. */
  readonly count: number
}

/** A test that waits longer has lost its signal; failing here names it, the runner's limit does not. */
const WAIT_MS_MAX = 30_000

/** A signal; `name` stands in the error where nothing comes within 30 seconds. */
export function testSignal<T = void>(name = 'signal'): TestSignal<T> {
  const kept: T[] = []
  const waiting: ((value: T) => void)[] = []
  let count = 0
  const next = () => (kept.length > 0 ? Promise.resolve(kept.shift() as T) : arrival(name, waiting))
  return {
    emit(value) {
      count++
      const waiter = waiting.shift()
      if (waiter === undefined) kept.push(value)
      else waiter(value)
    },
    next,
    async until(fits) {
      for (;;) {
        const value = await next()
        if (fits(value)) return value
      }
    },
    get count() {
      return count
    },
  }
}

function arrival<T>(name: string, waiting: ((value: T) => void)[]): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => reject(new Error(`${name}: nothing came`)), WAIT_MS_MAX)
  waiting.push((value) => {
    clearTimeout(timer)
    resolve(value)
  })
  return promise
}

/** A door that stays shut until the test opens it: for handlers that must be caught half-way. */
export interface TestGate {
  readonly passed: Promise<void>
  open(): void
}

/** A gate, shut. */
export function testGate(): TestGate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { passed: promise, open: resolve }
}
