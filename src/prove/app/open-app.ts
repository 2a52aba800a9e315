/**
 * An app in the hands of an explorer: its operations, subscriptions and jobs over a pool that the
 * explorer has made. No door, no timer, no loop that runs by itself.
 *
 * Left out, because they are no part of what is explored: limits of rate, credentials, the time that
 * a duplicate waits for a running first.
 */
import { wireLoops } from '../../app/wire.ts'
import { WorkRecorder } from '../../app/work-recorder.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { sha256 } from '../../base/digest.ts'
import { HoldfastError } from '../../base/fault.ts'
import { type Principal, principal } from '../../base/principal.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import { createGuard } from '../../database/guard.ts'
import { Pool } from '../../database/pool.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import { execute } from '../../operation/execute.ts'
import type { RegisteredOperation, Registry } from '../../operation/registered.ts'
import type { Reply } from '../../operation/reply.ts'
import type { OperationRuntime } from '../../operation/runtime.ts'
import { type Log, silentLog } from '../../runtime/log.ts'
import type { Runnable, Turn } from '../../runtime/loop.ts'
import { installOutboundGuard } from '../../runtime/outbound-guard.ts'
import { deadlineAfter, OpenScope } from '../../runtime/scope.ts'
import { namedServices } from '../../runtime/service.ts'
import { createTelemetry } from '../../runtime/telemetry/telemetry.ts'
import { traceContext } from '../../runtime/trace-context.ts'
import { RETENTION_MS_DEFAULT } from '../../state/idempotency/idempotency.ts'
import { registryOf } from './app-registry.ts'
import { SteppedConnections, type SteppedPool } from './stepped-connections.ts'

export interface OpenAppOptions {
  readonly app: AppDefinition
  /** Lent: whoever made it ends it. */
  readonly pool: SteppedPool
  /** By name, in place of those that the app would start. One that is missing fails where it is used. */
  readonly services?: Readonly<Record<string, unknown>>
  readonly clock?: Clock
  readonly log?: Log
}

/** Who asks, and how. */
export interface Asking {
  readonly tenant: string
  /** Id of the principal. */
  readonly principal?: string
  readonly roles?: readonly string[]
  /** Everything by default. */
  readonly permissions?: readonly string[]
  readonly key?: string
  readonly ifMatch?: string
  /** For the fingerprint of the key; the input as JSON by default. */
  readonly rawInput?: string
}

export interface OpenApp {
  readonly runtime: OperationRuntime
  /** As a transport asks. Never throws: what fails is a problem reply. */
  execute(operation: { readonly name: string }, input: unknown, asking: Asking): Promise<Reply>
  /** One turn of what brings events to subscriptions. */
  relayOnce(): Promise<Turn>
  /** One turn of what runs jobs, until those that it claimed have ended. */
  workOnce(): Promise<Turn>
  /** Gives the jobs of lost workers back. */
  rescueOnce(): Promise<Turn>
  /**
   * Makes due what waits for its time, and ends every lease, its own among them: as if it had slept.
   * Resolves to how many jobs were waiting.
   */
  letTimePass(): Promise<number>
  /** Events and jobs until nothing more is due, what they bring about included. */
  settle(): Promise<void>
}

/** Longer than any schedule: the order of messages decides, never the time that they take. */
const TIME_MS = 3_600_000

const NOT_HANDED_IN = 'An explorer starts no service; hand one in that stands for'

/** For the whole process, once. */
let guarded = false

function guardOutbound(): void {
  if (!guarded) installOutboundGuard()
  guarded = true
}

export function openApp(options: OpenAppOptions): OpenApp {
  guardOutbound()
  const { clock = systemClock, log = silentLog } = options
  const runtime: OperationRuntime = {
    pool: new Pool({ source: new SteppedConnections(options.pool), clock }),
    registry: registryOf(options.app),
    services: namedServices(options.services ?? {}, NOT_HANDED_IN),
    clock,
    log,
    guard: createGuard({ mode: 'production' }),
    limiter: { check: () => ({ allowed: true, retryAfterMs: 0, headers: {} }) },
    idempotency: { retentionMs: RETENTION_MS_DEFAULT, waitMs: TIME_MS },
    credentialRefused: () => {},
    wake: () => {},
    stacks: false,
  }
  return new Opened(runtime)
}

class Opened implements OpenApp {
  readonly runtime: OperationRuntime
  readonly #telemetry = createTelemetry()
  readonly #recorder: WorkRecorder
  #loops: ReadonlyMap<string, Runnable>

  constructor(runtime: OperationRuntime) {
    this.runtime = runtime
    const { log, clock } = runtime
    this.#recorder = new WorkRecorder({ telemetry: this.#telemetry, log, clock })
    this.#loops = this.#wire()
  }

  /** None of them is started: each turn is asked for. */
  #wire(): ReadonlyMap<string, Runnable> {
    const { runtime } = this
    const recorder = this.#recorder
    const { all } = wireLoops({ runtime, processing: true, background: [], recorder })
    return new Map(all.map((loop) => [loop.name, loop]))
  }

  async execute(
    { name }: { readonly name: string },
    input: unknown,
    asking: Asking,
  ): Promise<Reply> {
    const operation = operationOf(this.runtime.registry, name)
    const rawInput = asking.rawInput ?? JSON.stringify(input) ?? ''
    const scope = this.#scope(asking, `${name} ${asking.key ?? rawInput}`)
    try {
      return await execute(this.runtime, operation, {
        scope,
        input: { ok: true, value: input },
        rawInput,
        ifMatch: asking.ifMatch,
      })
    } finally {
      scope.close()
    }
  }

  /** The same request has the same ids in each run. */
  #scope(asking: Asking, seed: string): OpenScope {
    const { clock } = this.runtime
    const hex = sha256(seed).toString('hex')
    return new OpenScope({
      principal: principalOf(asking),
      requestId: `req-${hex.slice(0, 12)}`,
      trace: traceContext(`00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-01`),
      deadline: deadlineAfter(clock, TIME_MS),
      clock,
      idempotencyKey: asking.key,
    })
  }

  relayOnce(): Promise<Turn> {
    return this.#turn('relay')
  }

  workOnce(): Promise<Turn> {
    return this.#turn('worker')
  }

  rescueOnce(): Promise<Turn> {
    return this.#turn('rescuer')
  }

  /** An app without subscriptions has no relay. */
  async #turn(name: string): Promise<Turn> {
    return (await this.#loops.get(name)?.runOnce()) ?? 'idle'
  }

  async letTimePass(): Promise<number> {
    const statements = TIME_PASSES.map((text) => ({ text, values: [] }))
    const [jobs] = await runAsLoops(this.runtime.pool, ...statements)
    this.#loops = this.#wire()
    return jobs?.rowCount ?? 0
  }

  async settle(): Promise<void> {
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      const { count } = this.#telemetry.recent
      while ((await this.relayOnce()) === 'again');
      while ((await this.workOnce()) === 'again');
      if (this.#telemetry.recent.count === count) return
    }
    throw new HoldfastError(
      'HF_PROVE_SETUP',
      `Events and jobs bring about new ones without an end: ${PASSES_MAX} passes.`,
    )
  }
}

/** A chain of events and jobs that is longer than this has no end. */
const PASSES_MAX = 1_000

const TIME_PASSES = [
  'UPDATE holdfast.jobs SET run_at = clock_timestamp() WHERE run_at > now()',
  'UPDATE holdfast.parked_events SET next_at = clock_timestamp() WHERE dead_at IS NULL',
  'UPDATE holdfast.subscriptions SET lease_until = NULL, holder = NULL',
  `UPDATE holdfast.job_workers SET lease_until = clock_timestamp() - interval '1 hour'`,
]

function principalOf({ tenant, principal: id, roles, permissions }: Asking): Principal {
  return principal({
    id: id ?? 'key_prove',
    kind: 'api-key',
    tenant,
    roles: roles ?? [],
    permissions: permissions ?? ['*'],
  })
}

function operationOf(registry: Registry, name: string): RegisteredOperation {
  const operation = registry.operations.get(name)
  if (operation !== undefined) return operation
  throw new HoldfastError('HF_APP_INVALID', `No operation of the app is named "${name}".`)
}
