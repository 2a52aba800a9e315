/** Calls that a command accepts alone: drawn, parsed, and tried on the seed. */
import { parseWith } from '../../base/schema.ts'
import type { SeededRandom } from '../../base/seeded-random.ts'
import type { RegisteredCommand } from '../../operation/registered.ts'
import type { ScenarioCall } from '../app/scenario.ts'
import { type Caller, callerFor } from '../draw/caller.ts'
import { type DrawnInput, drawInput, type Learned, type Reach } from '../draw/draw-input.ts'
import { crossedInput, greedierInputs, leavesOf } from '../draw/other-inputs.ts'
import type { PoolRow, RowPool } from '../draw/row-pool.ts'
import type { Ground, LoneRun } from './ground.ts'

/** A call that was accepted, and what it touched. */
export interface FoundCall {
  readonly call: ScenarioCall
  readonly run: LoneRun
  /** The rows that its input names. */
  readonly rows: readonly PoolRow[]
  /** One more of something would be refused. */
  readonly greedy?: boolean
  /** The same rows in another order, where it names two. */
  readonly crossed?: ScenarioCall
}

export interface Found {
  readonly command: RegisteredCommand
  readonly calls: readonly FoundCall[]
  /** Why there is none, and what to do. */
  readonly reason: string | undefined
  /** No other row would help. */
  readonly hopeless: boolean
}

/** A run takes some 25 ms: a command that accepts nothing costs a second. */
export const TRIES_MAX = 40
/** Enough to meet another command on some row. */
const CALLS_MAX = 3
/** After the first that is accepted. */
const MORE_TRIES_MAX = 6
/** Parsing takes microseconds. */
const PARSES_MAX = 200
/** Numbers of the rows that it names, tried for "as much as there is". */
const GREEDY_TRIES_MAX = 6

export interface FindOptions {
  readonly ground: Ground
  readonly pool: RowPool
  readonly tenant: string
  readonly random: SeededRandom
  readonly learned: Learned
  readonly focus?: ReadonlySet<string>
  readonly triesMax?: number
  readonly callsMax?: number
  /** Ends the tries early. */
  readonly signal?: AbortSignal | undefined
  /** A key that no call has had before, where what they do stays. */
  readonly key?: () => string
}

export async function findCalls(command: RegisteredCommand, options: FindOptions): Promise<Found> {
  return new Finder(command, options).find()
}

class Finder {
  readonly #command: RegisteredCommand
  readonly #options: FindOptions
  readonly #tried = new Set<string>()
  readonly #calls: FoundCall[] = []
  #last = 'none of the inputs that were drawn fits its schema'

  constructor(command: RegisteredCommand, options: FindOptions) {
    this.#command = command
    this.#options = options
  }

  async find(): Promise<Found> {
    const command = this.#command
    const obstacle = this.#obstacle()
    if (obstacle !== undefined) return { command, calls: [], reason: obstacle, hopeless: true }
    const { triesMax = TRIES_MAX, callsMax = CALLS_MAX } = this.#options
    let more = 0
    for (let tries = 0; tries < triesMax && more < MORE_TRIES_MAX; tries++) {
      if (this.#calls.length >= callsMax) break
      if (this.#options.signal?.aborted) break
      const complaint = await this.#try(REACHES[tries] ?? 'any')
      if (complaint !== undefined) return { command, calls: [], reason: complaint, hopeless: true }
      if (this.#calls.length > 0) more += 1
    }
    return { command, calls: this.#ranked(), reason: this.#reason(triesMax), hopeless: false }
  }

  /** What takes all there is, then what does most. */
  #ranked(): FoundCall[] {
    const breadth = ({ greedy, run, call }: FoundCall) => [
      greedy === true ? 1 : 0,
      new Set(run.touches.map(({ table, writes }) => `${table} ${writes}`)).size,
      leavesOf(call.input).length,
    ]
    return this.#calls.toSorted((left, right) => compare(breadth(right), breadth(left)))
  }

  /** What no draw can help. */
  #obstacle(): string | undefined {
    const { contract, allow } = this.#command
    if (contract.streamed !== undefined)
      return 'Its input is a stream, which is not drawn. Export a scenario for it.'
    if (callerFor(allow, this.#options.tenant, CALLER) !== undefined) return undefined
    return `No caller was found that its rule lets pass (${allow.description ?? 'a function'}). Export a scenario whose calls say who asks.`
  }

  #reason(triesMax: number): string | undefined {
    if (this.#calls.length > 0) return undefined
    if (this.#options.signal?.aborted) return 'Interrupted before an input was found.'
    return (
      `No input was accepted in ${Math.min(triesMax, this.#tried.size)} tries; the last answer was: ${this.#last}. ` +
      'Add rows to the seed, an example to the contract, or export a scenario for it.'
    )
  }

  /** A complaint, where the command cannot be explored with any input. */
  async #try(reach: Reach): Promise<string | undefined> {
    const drawn = await this.#draw(reach)
    if (drawn === undefined) return undefined
    const call = this.#callOf(drawn.input, drawn, drawn.who)
    const run = await this.#options.ground.run(call, this.#options.key !== undefined)
    if (run.complaint !== undefined) return run.complaint
    this.#last = run.answer
    if (!run.accepted) return undefined
    drawn.learn()
    const found = { call, run, rows: drawn.refs.map(({ row }) => row) }
    if (this.#options.key === undefined) await this.#keep(drawn, found)
    else this.#calls.push(found)
    return undefined
  }

  /** As it is, with as much as there is, and with its rows in another order. */
  async #keep(drawn: DrawnInput, found: FoundCall): Promise<void> {
    const crossed = crossedInput(drawn.input, drawn.refs)
    const other =
      crossed === undefined ? undefined : await this.#accepted(crossed, drawn, found.call)
    this.#calls.push({ ...found, ...(other && { crossed: other.call }) })
    if (this.#calls.some(({ greedy }) => greedy)) return
    const greedy = await this.#greedy(drawn, found)
    if (greedy !== undefined) this.#calls.push({ ...greedy, greedy: true })
  }

  /** One more would be refused: two cannot both have it. */
  async #greedy(drawn: DrawnInput, { call, rows }: FoundCall): Promise<FoundCall | undefined> {
    const inputs = greedierInputs(drawn.input, rows).slice(0, GREEDY_TRIES_MAX)
    for (const { input, more } of inputs) {
      const found = await this.#accepted(input, drawn, call)
      if (found === undefined || !(await this.#parses(more))) continue
      if ((await this.#accepted(more, drawn, call)) === undefined) return found
    }
    return undefined
  }

  /** By the caller of another call. */
  async #accepted(
    input: unknown,
    { refs }: DrawnInput,
    { operation, asking }: ScenarioCall,
  ): Promise<FoundCall | undefined> {
    if (!(await this.#parses(input))) return undefined
    const call = { operation, input, asking }
    const run = await this.#options.ground.run(call)
    return run.accepted ? { call, run, rows: refs.map(({ row }) => row) } : undefined
  }

  /** Now and then whoever the rows say that they belong to. */
  #owner({ refs }: DrawnInput): string {
    const names = refs.flatMap(({ row }) =>
      Object.entries(row.values).flatMap(([column, value]) =>
        OWNER.test(column) && typeof value === 'string' ? [value] : [],
      ),
    )
    const { random } = this.#options
    return names.length > 0 && random.next() < OWNER_SHARE ? random.pick(names) : CALLER
  }

  /** The next that parses and was not tried by its caller. */
  async #draw(reach: Reach): Promise<DrawnCall | undefined> {
    const { name, inputSchema, contract } = this.#command
    const example = contract.examples.find(({ input }) => !this.#tried.has(textOf(input, CALLER)))
    if (example !== undefined && reach === 'any') {
      const { input } = example
      this.#tried.add(textOf(input, CALLER))
      return { input, refs: [], learn: () => {}, who: CALLER }
    }
    const options = { ...this.#options, operation: name, schema: inputSchema }
    for (let parses = 0; parses < PARSES_MAX; parses++) {
      const drawn = drawInput(options, parses === 0 ? reach : 'any')
      const who = reach === 'any' ? this.#owner(drawn) : CALLER
      const text = textOf(drawn.input, who)
      if (this.#tried.has(text) || !(await this.#parses(drawn.input))) continue
      this.#tried.add(text)
      return { ...drawn, who }
    }
    return undefined
  }

  async #parses(input: unknown): Promise<boolean> {
    if (this.#command.unknownFields(input).length > 0) return false
    return (await parseWith(this.#command.contract.input, input)).ok
  }

  #callOf(input: unknown, { refs }: DrawnInput, who: string): ScenarioCall {
    const { name, allow, contract } = this.#command
    const { tenant, key } = this.#options
    const caller = callerFor(allow, tenant, who) ?? (callerFor(allow, tenant, CALLER) as Caller)
    const version = refs.map(({ row }) => row.values.version).find((one) => one !== undefined)
    const ifMatch = contract.ifMatch === 'required' ? String(version ?? 1) : undefined
    return {
      operation: { name },
      input,
      asking: { tenant, ...caller, ...(ifMatch && { ifMatch }), ...(key && { key: key() }) },
    }
  }
}

interface DrawnCall extends DrawnInput {
  readonly who: string
}

function textOf(input: unknown, who: string): string {
  return `${who} ${JSON.stringify(input)}`
}

function compare(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((number, index) => number !== right[index])
  return at < 0 ? 0 : (left[at] as number) - (right[at] as number)
}

/** Columns that name whose a row is. */
const OWNER =
  /^(?:owner|customer|user|account|member|author|principal|created_by|added_by)(?:_id)?$/
/** Rules about rows are mostly passed by whoever has every permission. */
const OWNER_SHARE = 0.4

const REACHES: readonly Reach[] = ['least', 'most']

/** One caller for both: whose rows they are is then no reason that they do not meet. */
const CALLER = 'ann'
