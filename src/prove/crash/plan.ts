/**
 * The ways in which a broker may hand out what it holds, within what it promises: another order, once
 * more, late, as an older producer wrote it.
 *
 * It is no explorer of its own: a delivery that fails halfway and comes again is a fault like any
 * other, and what counts in the end is the same.
 */
import type { CrashDeliveries, CrashMessage } from './crash.ts'

/** `rest`: all else comes to rest first. */
export type Turn = CrashMessage | 'rest'

export interface Plan {
  readonly kind: 'again' | 'order' | 'late' | 'older'
  /** What the broker does, in words. */
  readonly said: string
  readonly turns: readonly Turn[]
}

/** Four messages in every order. */
const ORDERS_MAX = 24

type Messages = readonly CrashMessage[]

export function plansFor(messages: Messages, deliveries: CrashDeliveries = {}): readonly Plan[] {
  const follows = followsOf(deliveries)
  const { older = () => [] } = deliveries
  return [
    ...messages.flatMap((_, index) => again(messages, index, follows)),
    ...orders(messages, follows).slice(1).map(inOrder),
    ...messages.flatMap((_, index) => late(messages, index, follows)),
    ...messages.flatMap((message, index) =>
      older(message).map(
        (old): Plan => ({
          kind: 'older',
          said: `${message.key} comes as an older producer wrote it`,
          turns: messages.with(index, old),
        }),
      ),
    ),
  ]
}

/** Whether one must not come before another that was there first. */
type Follows = (message: CrashMessage, earlier: CrashMessage) => boolean

function followsOf({ order = 'any', groupOf = () => '' }: CrashDeliveries): Follows {
  if (order === 'any') return () => false
  return (message, earlier) => groupOf(message) === groupOf(earlier)
}

/** Where order is promised, a broker that goes back hands out all that follows once more. */
function again(messages: Messages, index: number, follows: Follows): Plan[] {
  const first = messages[index] as CrashMessage
  return messages.slice(index).map((behind, offset) => {
    const until = index + offset + 1
    const rewound = messages.slice(index, until).filter((message) => follows(message, first))
    return {
      kind: 'again',
      said:
        behind === first
          ? `${first.key} comes twice`
          : `${first.key} comes again behind ${behind.key}`,
      turns: messages.toSpliced(until, 0, ...(rewound.length > 0 ? rewound : [first])),
    }
  })
}

/** The order that they are listed in is the first. */
function orders(messages: Messages, follows: Follows): Messages[] {
  if (messages.length === 0) return [[]]
  const found: Messages[] = []
  for (const [index, message] of messages.entries()) {
    const held = messages.slice(0, index).some((earlier) => follows(message, earlier))
    if (held || found.length >= ORDERS_MAX) continue
    for (const rest of orders(messages.toSpliced(index, 1), follows)) found.push([message, ...rest])
  }
  return found.slice(0, ORDERS_MAX)
}

function inOrder(turns: Messages): Plan {
  return { kind: 'order', said: `they come as ${turns.map(({ key }) => key).join(', ')}`, turns }
}

/** Whoever must follow it waits for it. */
function late(messages: Messages, index: number, follows: Follows): Plan[] {
  const first = messages[index] as CrashMessage
  const waiting = messages.filter(
    (message, at) => at >= index && (at === index || follows(message, first)),
  )
  const others = messages.filter((message) => !waiting.includes(message))
  const said = `${first.key} comes when all else is done`
  return [{ kind: 'late', said, turns: [...others, 'rest', ...waiting] }]
}
