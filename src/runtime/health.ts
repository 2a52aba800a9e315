/**
 * Health of the process (draft-inadarei-api-health-check-06): live says that the process runs,
 * ready that it should get traffic.
 *
 * Terms. A *check* looks at one thing and must answer within its timeout. Results are *fresh* for a
 * moment, so that a probe asked a thousand times a second costs what one costs.
 * States. starting -> ready to be asked -> draining. While draining, ready fails whatever the checks
 * say, and live passes.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../base/clock.ts'

export type HealthStatus = 'pass' | 'warn' | 'fail'

export interface CheckResult {
  readonly status: HealthStatus
  readonly observedValue?: number | string
  readonly observedUnit?: string
  /** Why, where it does not pass. Shown on the admin port only. */
  readonly output?: string
}

export interface HealthCheck {
  /** `component:measurement`: `postgres:connection`. */
  readonly name: string
  readonly componentType?: 'component' | 'datastore' | 'system'
  readonly timeoutMs?: number
  check(signal: AbortSignal): CheckResult | Promise<CheckResult>
}

export interface HealthReport {
  readonly status: HealthStatus
  readonly checks: ReadonlyMap<string, TimedResult>
}

export interface TimedResult extends CheckResult {
  readonly componentType: string
  /** RFC 3339, UTC. */
  readonly time: string
}

/** A probe's own timeout is commonly 1 to 5 s; an answer must come before it. */
const CHECK_TIMEOUT_MS = 800
const FRESH_MS = 1000

export class Health {
  readonly #clock: Clock
  readonly #checks = new Map<string, HealthCheck>()
  #draining = false
  #latest: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get draining(): boolean {
    return this.#draining
  }

  /** From now on this process asks for no more traffic. */
  drain(): void {
    this.#draining = true
  }

  /** Adds a check, or replaces the one of this name; returns the way to remove it. */
  register(check: HealthCheck): () => void {
    this.#checks.set(check.name, check)
    this.#latest = undefined
    return () => {
      if (this.#checks.get(check.name) === check) this.#checks.delete(check.name)
    }
  }

  /** Whoever can answer this lives: no check belongs here that a restart would not mend. */
  live(): HealthReport {
    return { status: 'pass', checks: new Map() }
  }

  async ready(): Promise<HealthReport> {
    const nowMs = this.#clock.monotonicMs()
    if (this.#latest === undefined || nowMs - this.#latest.atMs >= FRESH_MS)
      this.#latest = { atMs: nowMs, report: this.#ask() }
    const report = await this.#latest.report
    if (!this.#draining) return report
    const draining = this.#timed({ name: 'process:draining', check: neverAsked }, drainingResult)
    return { status: 'fail', checks: new Map([...report.checks, ['process:draining', draining]]) }
  }

  async #ask(): Promise<HealthReport> {
    const asked = [...this.#checks.values()]
    const results = await Promise.all(asked.map((check) => this.#run(check)))
    const checks = new Map(asked.map((check, index) => [check.name, results[index] as TimedResult]))
    return { status: worst(results), checks }
  }

  async #run(check: HealthCheck): Promise<TimedResult> {
    const abort = new AbortController()
    const { promise: late, resolve } = Promise.withResolvers<CheckResult>()
    const timeoutMs = check.timeoutMs ?? CHECK_TIMEOUT_MS
    const cancel = this.#clock.after(timeoutMs, () => {
      abort.abort()
      resolve({ status: 'fail', output: `no answer within ${timeoutMs} ms` })
    })
    try {
      return this.#timed(check, await Promise.race([check.check(abort.signal), late]))
    } catch (error) {
      return this.#timed(check, { status: 'fail', output: textOf(error) })
    } finally {
      cancel()
    }
  }

  #timed(check: HealthCheck, result: CheckResult): TimedResult {
    const time = new Date(this.#clock.now()).toISOString()
    return { componentType: check.componentType ?? 'component', ...result, time }
  }
}

const drainingResult: CheckResult = { status: 'fail', output: 'the process is shutting down' }
const neverAsked = () => drainingResult

function worst(results: readonly CheckResult[]): HealthStatus {
  if (results.some(({ status }) => status === 'fail')) return 'fail'
  return results.some(({ status }) => status === 'warn') ? 'warn' : 'pass'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The body of application/health+json; outputs only where the reader may see inside. */
export function healthBody(report: HealthReport, detailed: boolean): string {
  const checks = [...report.checks].map(([name, { output, ...result }]) => {
    const shown = detailed && output !== undefined ? { ...result, output } : result
    return [name, [shown]]
  })
  return JSON.stringify({ status: report.status, checks: Object.fromEntries(checks) })
}

/** Above this a request waits noticeably before anybody looks at it. */
const LAG_WARN_MS = 100
/** Above this the process is stuck more than it works. */
const LAG_FAIL_MS = 1000
const LAG_RESOLUTION_MS = 20

/** The 99th percentile of event-loop delay since it was last asked. */
export class EventLoopCheck implements HealthCheck {
  readonly name = 'eventloop:delay'
  readonly componentType = 'system'
  readonly #delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })

  start(): void {
    this.#delay.enable()
  }

  stop(): void {
    this.#delay.disable()
  }

  check(): CheckResult {
    const lagMs = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6 - LAG_RESOLUTION_MS
    this.#delay.reset()
    const observedValue = Math.max(0, Math.round(lagMs * 10) / 10)
    const status = lagMs > LAG_FAIL_MS ? 'fail' : lagMs > LAG_WARN_MS ? 'warn' : 'pass'
    return { status, observedValue, observedUnit: 'ms' }
  }
}
