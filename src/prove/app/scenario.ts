/**
 * A race of an app's own work: the app as its migrations and the seed leave it, and two or three
 * requests, jobs or deliveries at the same time. Everything around a command is explored with it: the claim of its key,
 * its audit entry, events and jobs, COMMIT, and what it does again after a serialization failure.
 */

import { knownOptions, optionError, shown } from '../../base/bounds.ts'
import type { InputOf, Schema } from '../../base/schema.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import type { OperationContract } from '../../operation/contract.ts'
import {
  type Race,
  type RaceCommand,
  type RaceDefinition,
  type RaceSetup,
  type RaceWorld,
  race,
} from '../race.ts'
import type { Asking } from './open-app.ts'
import {
  checkDeliveries,
  handlerOf,
  identityOf,
  PreparedSeed,
  type ScenarioDelivery,
  type ScenarioJob,
  type ScenarioWork,
} from './work.ts'

/** One request: made by `call`. */
export interface ScenarioCall {
  readonly operation: { readonly name: string }
  readonly input: unknown
  readonly asking: Asking
}

/** A request (`call`), a job (`runJob`) or an event on its way (`deliver`). */
export type ScenarioStep = ScenarioCall | ScenarioJob | ScenarioDelivery

/** An app, and what of it races; the rest is as in a race. */
export interface ScenarioDefinition extends Omit<RaceDefinition, 'schema' | 'run'> {
  readonly app: AppDefinition
  /** Two or three of them, which happen at the same time. */
  readonly run: Readonly<Record<string, ScenarioStep>>
  /** Stand-ins for services that lead outside: what they do is told with `world.effect` or `world.call`. */
  readonly services?: (world: RaceWorld) => Readonly<Record<string, unknown>>
}

/** A request of this operation. Its idempotency key is its name in `run`, unless one is given. */
export function call<I extends Schema, C extends OperationContract<I>>(
  operation: C & OperationContract<I>,
  input: InputOf<C['input']>,
  asking: Asking,
): ScenarioCall {
  return { operation, input, asking }
}

/** Spans are told apart by chance, and by how often a command ran. */
const IGNORED = ['holdfast.events.traceparent', 'holdfast.jobs.traceparent']

/** How often a job was tried, and by whom, is no part of what was done. */
const ATTEMPTS = ['holdfast.running_jobs.*', 'holdfast.job_history.*']

const FIELDS = [
  'app',
  'seed',
  'run',
  'services',
  'invariants',
  'serial',
  'ignore',
  'allow',
  'schedulesMax',
  'preemptionsMax',
] as const satisfies readonly (keyof ScenarioDefinition)[]

/** Defines a race of an app; exported from a file, `holdfast prove` explores it. */
export function scenario(definition: ScenarioDefinition): Race {
  knownOptions('scenario', definition, FIELDS)
  const { app, run, services, ignore = [], ...rest } = definition
  const work = Object.values(run).filter((step): step is ScenarioWork => 'kind' in step)
  for (const [name, step] of Object.entries(run))
    checkHandled(app, ['scenario', `run.${name}`], step)
  checkDeliveries(work)
  const prepared = work.length > 0 ? preparedSeed(definition, work) : undefined
  const commands = Object.entries(run).map(([name, step], at) => [
    name,
    'kind' in step
      ? workOf(definition, step, { prepared, second: isSecond(Object.values(run), at) })
      : commandOf(definition, name, step),
  ])
  return race({
    ...rest,
    ...(prepared && { seed: prepared.setup }),
    schema: migrationsOf(app),
    run: Object.fromEntries(commands) as Record<string, RaceCommand>,
    ignore: [...IGNORED, ...(prepared ? ATTEMPTS : []), ...ignore],
  })
}

/** The app's machinery is loaded with the first database of a scenario, and not with this file. */
let runner: (typeof import('./run-call.ts') & typeof import('./run-work.ts')) | undefined

const schemas = new WeakMap<AppDefinition, RaceSetup>()

/** The same for each scenario of the app: they share a database. */
function migrationsOf(app: AppDefinition): RaceSetup {
  let schema = schemas.get(app)
  if (schema === undefined) {
    schema = async (url: string) => {
      runner ??= { ...(await import('./run-call.ts')), ...(await import('./run-work.ts')) }
      await runner.migrateApp(app, url)
    }
    schemas.set(app, schema)
  }
  return schema
}

function commandOf(
  { app, services }: ScenarioDefinition,
  name: string,
  asked: ScenarioCall,
): RaceCommand {
  const { operation, input, asking } = asked
  const keyed = { operation, input, asking: { key: name, ...asking } }
  return async (db, world) => runner?.runCall(app, keyed, db, services?.(world) ?? {})
}

/** What nobody handles fails in every order alike, and so would break nothing. */
export function checkHandled(
  app: AppDefinition,
  [where, field]: readonly [string, string],
  step: ScenarioStep,
): void {
  const wanted = 'kind' in step ? handlerOf(step) : step.operation.name
  const names = [...app.made].map((made) =>
    made.kind === 'subscription' ? made.name : made.contract.name,
  )
  if (!names.includes(wanted))
    throw optionError(where, field, `is ${shown(wanted)}, for which the app has no handler`)
}

function isSecond(steps: readonly ScenarioStep[], at: number): boolean {
  const step = steps[at] as ScenarioWork
  const before = steps.slice(0, at).filter((each): each is ScenarioWork => 'kind' in each)
  return before.some((each) => identityOf(each) === identityOf(step))
}

interface PreparedWork {
  readonly prepared: PreparedSeed | undefined
  readonly second: boolean
}

function workOf(
  { app, services }: ScenarioDefinition,
  work: ScenarioWork,
  { prepared, second }: PreparedWork,
): RaceCommand {
  return async (db, world) => {
    const run = { app, work, second, prepared: prepared?.of(work) ?? {} }
    return runner?.runWork({ ...run, services: services?.(world) ?? {} }, db)
  }
}

const NO_SEED: RaceSetup = []

const prepared = new WeakMap<AppDefinition, Map<RaceSetup, PreparedSeed>>()

function preparedSeed(
  { app, seed = NO_SEED }: ScenarioDefinition,
  work: readonly ScenarioWork[],
): PreparedSeed {
  const ofApp = prepared.get(app) ?? new Map<RaceSetup, PreparedSeed>()
  prepared.set(app, ofApp)
  const known = ofApp.get(seed)
  const found = known === undefined || known.used ? new PreparedSeed(seed) : known
  ofApp.set(seed, found)
  for (const each of work) found.add(each)
  return found
}
