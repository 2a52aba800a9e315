import { app } from '../../../example/shop/app.ts'
import { registryOf } from '../../../src/prove/app/app-registry.ts'

const { operations, jobs, subscriptions } = registryOf(app)

/** Whatever of the shop writes: nothing is left out because nobody has thought of it. */
export const writers: readonly string[] = [
  ...[...operations.values()].flatMap(({ kind, name }) => (kind === 'query' ? [] : [name])),
  ...jobs.keys(),
  ...subscriptions.keys(),
]

/** Which subscriptions take events of these names. */
export function subscribersOf(events: ReadonlySet<string>): readonly string[] {
  return [...subscriptions.values()].flatMap(({ name, event }) =>
    events.has(event.name) ? [name] : [],
  )
}
