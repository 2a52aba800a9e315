/**
 * A race of an app's own operations: the app as its migrations and the seed leave it, and two or three
 * requests at the same time. Everything around a command is explored with it: the claim of its key,
 * its audit entry, events and jobs, COMMIT, and what it does again after a serialization failure.
 */

import { knownOptions } from '../../base/bounds.ts'
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

/** One request: made by `call`. */
export interface ScenarioCall {
  readonly operation: { readonly name: string }
  readonly input: unknown
  readonly asking: Asking
}

/** An app, and the requests to it that race; the rest is as in a race. */
export interface ScenarioDefinition extends Omit<RaceDefinition, 'schema' | 'run'> {
  readonly app: AppDefinition
  /** Two or three requests that come at the same time. */
  readonly run: Readonly<Record<string, ScenarioCall>>
  /** Stand-ins for services that lead outside: what they do is told with `world.effect`. */
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
  const commands = Object.entries(run).map(([name, asked]) => [
    name,
    commandOf(definition, name, asked),
  ])
  return race({
    ...rest,
    schema: migrationsOf(app),
    run: Object.fromEntries(commands) as Record<string, RaceCommand>,
    ignore: [...IGNORED, ...ignore],
  })
}

/** The app's machinery is loaded with the first database of a scenario, and not with this file. */
let runner: typeof import('./run-call.ts') | undefined

const schemas = new WeakMap<AppDefinition, RaceSetup>()

/** The same for each scenario of the app: they share a database. */
function migrationsOf(app: AppDefinition): RaceSetup {
  let schema = schemas.get(app)
  if (schema === undefined) {
    schema = async (url: string) => {
      runner ??= await import('./run-call.ts')
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
