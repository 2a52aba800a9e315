/**
 * Work that no caller waits for, as steps of a scenario: a job in the hands of a worker, an event on
 * its way to a subscription. Claims and leases are no part of it but for the fence: of two workers
 * that have the same job, or two relays that have the same event, one is too late.
 */
import { optionError } from '../../base/bounds.ts'
import { sha256 } from '../../base/digest.ts'
import type { InputOf, Schema } from '../../base/schema.ts'
import type { EventContract, JobContract } from '../../operation/contract.ts'
import { encodePayload } from '../../operation/payload.ts'
import { setUp } from '../arena/arena.ts'
import type { RaceSetup } from '../race.ts'
import type { HeldJob, LoggedEvent } from './store.ts'

/** Whose it is. */
export interface WorkOwner {
  readonly tenant: string
}

/** A job that runs until it is done: made by `runJob`. */
export interface ScenarioJob {
  readonly kind: 'job'
  readonly job: JobContract
  readonly payload: unknown
  readonly owner: WorkOwner
}

/** Whose it is, and for which subscription. */
export interface DeliveryOptions extends WorkOwner {
  readonly to: { readonly name: string }
}

/** An event that a subscription handles: made by `deliver`. */
export interface ScenarioDelivery {
  readonly kind: 'delivery'
  readonly event: EventContract
  readonly payload: unknown
  readonly options: DeliveryOptions
}

/**
 * A job that a worker has claimed: its attempts, until one succeeds. Two of the same job and payload
 * are one job: the second worker was given it because the first seemed to be lost.
 */
export function runJob<P extends Schema>(
  job: JobContract<P>,
  payload: InputOf<P>,
  owner: WorkOwner,
): ScenarioJob {
  return { kind: 'job', job: job as unknown as JobContract, payload, owner }
}

/**
 * An event that comes to a subscription. Two of the same event, payload and subscription are one that
 * is delivered twice: a second relay went on from where the first one was.
 */
export function deliver<P extends Schema>(
  event: EventContract<P>,
  payload: InputOf<P>,
  options: DeliveryOptions,
): ScenarioDelivery {
  return { kind: 'delivery', event: event as unknown as EventContract, payload, options }
}

export type ScenarioWork = ScenarioJob | ScenarioDelivery

/** What runs it: a job, or a subscription. */
export function handlerOf(work: ScenarioWork): string {
  return work.kind === 'job' ? work.job.name : work.options.to.name
}

/** The same text for the same job, and for the same event. */
export function identityOf(work: ScenarioWork): string {
  const { tenant } = work.kind === 'job' ? work.owner : work.options
  const { name } = work.kind === 'job' ? work.job : work.event
  return `${work.kind} ${JSON.stringify([tenant, name, work.payload])}`
}

/** What stands in the database before the work begins. */
export interface Prepared {
  readonly lease?: number
  readonly position?: number
}

/** One subscription is at one event at a time. */
export function checkDeliveries(steps: readonly ScenarioWork[]): void {
  const events = new Map<string, string>()
  for (const step of steps) {
    if (step.kind === 'job') continue
    const { name } = step.options.to
    const identity = identityOf(step)
    if ((events.get(name) ?? identity) !== identity)
      throw optionError(
        'scenario',
        'run',
        `delivers two events to ${name}, which takes one after the other: race each with something else`,
      )
    events.set(name, identity)
  }
}

/**
 * A seed, and the jobs and events of all scenarios that begin with it: they share a database, and each
 * leaves those of the others alone.
 */
export class PreparedSeed {
  readonly #seed: RaceSetup
  readonly #work = new Map<string, ScenarioWork>()
  readonly #subscriptions = new Set<string>()
  readonly #prepared = new Map<string, Prepared>()
  /** A scenario that is defined later needs a database of its own. */
  used = false

  constructor(seed: RaceSetup) {
    this.#seed = seed
  }

  add(work: ScenarioWork): void {
    this.#work.set(identityOf(work), work)
    if (work.kind === 'delivery') this.#subscriptions.add(work.options.to.name)
  }

  readonly setup = async (url: string): Promise<void> => {
    this.used = true
    await setUp(url, 'seed', this.#seed)
    const { holdJobs, logEvents } = await import('./store.ts')
    const work = [...this.#work]
    const jobs = work.flatMap(([id, each]) => (each.kind === 'job' ? [[id, each] as const] : []))
    const events = work.flatMap(([id, each]) =>
      each.kind === 'delivery' ? [[id, each] as const] : [],
    )
    const leases = await holdJobs(
      url,
      jobs.map(([, each]) => heldJob(each)),
    )
    const logged = events.map(([, each]) => loggedEvent(each))
    const positions = await logEvents(url, logged, [...this.#subscriptions])
    for (const [index, [id]] of jobs.entries())
      this.#prepared.set(id, { lease: leases[index] as number })
    for (const [index, [id]] of events.entries())
      this.#prepared.set(id, { position: positions[index] as number })
  }

  of(work: ScenarioWork): Prepared {
    return this.#prepared.get(identityOf(work)) ?? {}
  }
}

/** A uuid of version 8, and a trace, that are the same in each run. */
export function idsOf(work: ScenarioWork): { readonly id: string; readonly traceparent: string } {
  const hex = sha256(identityOf(work)).toString('hex')
  const id = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
  return { id, traceparent: `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-01` }
}

function heldJob(work: ScenarioJob): HeldJob {
  const { job, payload, owner } = work
  const { name, queue, priority, attemptsMax } = job
  const { value, json } = encodePayload(job, payload)
  const key = job.key?.(value) ?? null
  return {
    ...idsOf(work),
    tenant: owner.tenant,
    queue,
    name,
    key,
    priority,
    attemptsMax,
    payload: json,
  }
}

function loggedEvent(work: ScenarioDelivery): LoggedEvent {
  const { event, payload, options } = work
  const { value, json } = encodePayload(event, payload)
  return {
    ...idsOf(work),
    tenant: options.tenant,
    name: event.name,
    key: event.key?.(value) ?? null,
    payload: json,
  }
}
