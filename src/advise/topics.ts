/** Everything that can be asked for by name, and the ways to it from other words. */
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { createSearch } from '../rules/search.ts'
import type { Calculator } from './calculator.ts'
import { calculators } from './calculators/calculators.ts'
import type { Decision } from './decision.ts'
import { decisions } from './decisions/decisions.ts'
import { type HandOff, handOffs } from './hand-offs.ts'
import type { Playbook } from './playbook.ts'
import { playbooks } from './playbooks/playbooks.ts'

export type Topic =
  | { readonly kind: 'decision'; readonly decision: Decision }
  | { readonly kind: 'calculator'; readonly calculator: Calculator }
  | { readonly kind: 'hand-off'; readonly handOff: HandOff }

const topics: ReadonlyMap<string, Topic> = new Map<string, Topic>([
  ...decisions.map((decision): [string, Topic] => [decision.id, { kind: 'decision', decision }]),
  ...calculators.map((calculator): [string, Topic] => [
    calculator.id,
    { kind: 'calculator', calculator },
  ]),
  ...handOffs.map((handOff): [string, Topic] => [handOff.id, { kind: 'hand-off', handOff }]),
])

/** HF_USAGE with what may have been meant where there is none. */
export function findTopic(name: string): Topic {
  const found = topics.get(name)
  if (found !== undefined) return found
  const hint = didYouMean(name, topics.keys())
  const [near] = searchDecisions(name, 1)
  const other =
    near === undefined
      ? '; holdfast advise lists what there is.'
      : `; "${near.entry.id}" (${near.entry.title}) is near.`
  throw new HoldfastError('HF_USAGE', `There is no topic "${name}"${hint || other}`)
}

const searchDecisions = createSearch<Decision | Calculator>([...decisions, ...calculators])
const searchPlaybooks = createSearch(playbooks)

/** By its name, or by what somebody says: "queue growing", "slow after deploy". */
export function findPlaybook(words: string): Playbook {
  const byName = playbooks.find(({ id }) => id === words.trim().replaceAll(' ', '-'))
  const found = byName ?? searchPlaybooks(words, 1)[0]?.entry
  if (found !== undefined) return found
  const names = playbooks.map(({ id }) => id)
  throw new HoldfastError(
    'HF_USAGE',
    `There is no playbook for "${words}"${didYouMean(words, names) || `: ${names.join(', ')}.`}`,
  )
}
