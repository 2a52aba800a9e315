/**
 * What every statement of a user is held to before it is sent.
 *
 * Always: a module writes its own tables alone, a SELECT carries the protocol's row maximum, and
 * neither the transaction nor what stays on its connection is the user's business.
 * In development and tests besides: a SELECT has a bound, an UPDATE or DELETE has a WHERE, and the
 * same statement is not sent again and again from the same place.
 *
 * States. A guard without a catalog (the database was away at start) lets writes pass that it
 * cannot judge; `use` gives it one. The grammar is loaded behind `ready`.
 */
import { HoldfastError } from '../base/fault.ts'
import type { Catalog } from './catalog.ts'
import { isFrameworkStatement } from './framework-statement.ts'
import { loadQueryParser, type QueryParser } from './guard/query-parser.ts'
import { Repetition } from './guard/repetition.ts'
import { judgeRows, type Verdict } from './guard/row-bound.ts'
import type { Statement } from './statement.ts'
import { factsOf, type StatementFacts, type WrittenTable } from './statement-facts.ts'

export interface GuardOptions {
  readonly mode: 'development' | 'production'
  /** How often the same statement may be awaited at the same place of one operation. */
  readonly repeatsMax?: number
  /** How often it may be sent there at all: under Promise.all, deferred, in a loop. */
  readonly parallelMax?: number
  /** The most rows of a SELECT that declares no bound of its own. */
  readonly rowsMax?: number
  /** Told once where a check is left out. */
  readonly onNotice?: (notice: string) => void
}

/** Three repeats are a handful of known things; a fourth is a loop over data. */
const REPEATS_MAX = 3
/** Twenty executions in one trip cost the server more than one statement for all would. */
const PARALLEL_MAX = 20
/** At 1 KiB a row 10 MiB for one request: what is larger is a list to page or a job's batch. */
export const ROWS_MAX = 10_000

/** A program has some hundred texts; what is judged anew beyond this costs development a parse. */
const VERDICTS_MAX = 4096
const NO_PROBLEM: Verdict = { problem: undefined, limits: [] }

/** How a statement travels: a deferred one makes no trip of its own. */
export type Travel = 'awaited' | 'deferred'

export interface OperationGuard {
  /** The statement as it may be sent; throws where it may not. */
  check(statement: Statement, travel?: Travel): Statement
}

export interface OperationPlace {
  readonly operation: string
  readonly module: string
  /** In place of the guard's own, for an operation that pages through data on purpose. */
  readonly repeatsMax?: number
  /** The operation that calls this one in its transaction: their repeats add up. */
  readonly within?: OperationGuard
}

export interface Guard {
  /** The catalog to judge by, from now on. */
  use(catalog: Catalog): void
  /** One for each run of an operation: a retry begins anew. */
  begin(place: OperationPlace): OperationGuard
  /** Resolves when development's checks are there. Never rejects. */
  readonly ready: Promise<void>
}

export function createGuard(options: GuardOptions): Guard {
  return new StatementGuard(options)
}

class StatementGuard implements Guard {
  readonly ready: Promise<void>
  readonly rowsMax: number
  readonly #options: GuardOptions
  readonly #developing: boolean
  #catalog: Catalog | undefined
  #parse: QueryParser | undefined
  readonly #verdicts = new Map<string, Verdict>()
  /** Statements that a module may send, by module. */
  readonly #allowed = new Map<string, WeakSet<StatementFacts>>()

  constructor(options: GuardOptions) {
    this.#options = options
    this.#developing = options.mode === 'development'
    this.rowsMax = options.rowsMax ?? ROWS_MAX
    this.ready = this.#developing ? this.#loadGrammar() : Promise.resolve()
  }

  get catalog(): Catalog | undefined {
    return this.#catalog
  }

  use(catalog: Catalog): void {
    this.#catalog = catalog
    this.#allowed.clear()
    this.#verdicts.clear()
  }

  async #loadGrammar(): Promise<void> {
    try {
      this.#parse = await loadQueryParser()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#options.onNotice?.(`Statements are not checked for bounds: libpg-query: ${why}`)
    }
  }

  begin(place: OperationPlace): OperationGuard {
    if (!this.#developing) return new WriteGuard(this, place)
    const { within } = place
    const repetition =
      within instanceof DevelopmentGuard ? within.repetition : this.#repetition(place)
    return new DevelopmentGuard(this, place, repetition)
  }

  #repetition(place: OperationPlace): Repetition {
    return new Repetition({
      repeatsMax: place.repeatsMax ?? this.#options.repeatsMax ?? REPEATS_MAX,
      parallelMax: this.#options.parallelMax ?? PARALLEL_MAX,
    })
  }

  allowedFor(module: string): WeakSet<StatementFacts> {
    let allowed = this.#allowed.get(module)
    if (allowed === undefined) {
      allowed = new WeakSet()
      this.#allowed.set(module, allowed)
    }
    return allowed
  }

  /** Throws HF_FOREIGN_TABLE for the first table of another owner. */
  assertOwn(facts: StatementFacts, place: OperationPlace): void {
    for (const written of facts.writes) {
      const owner = this.#ownerOf(written)
      if (owner !== undefined && owner !== place.module) throw foreignTable(written, owner, place)
    }
  }

  /** Throws HF_UNBOUNDED_SELECT or HF_UNBOUNDED_WRITE. */
  assertBounded(statement: Statement, { operation }: OperationPlace): void {
    const { problem, limits } = this.#verdict(statement.text)
    if (problem?.code === 'HF_UNBOUNDED_WRITE') throw unbounded(problem, statement, operation)
    if (statement.rowsMax !== undefined) return
    if (problem !== undefined) throw unbounded(problem, statement, operation)
    const open = limits.find((at) => (statement.values[at] ?? null) === null)
    if (open === undefined) return
    const reason = `its limit $${open + 1} is null`
    throw unbounded({ code: 'HF_UNBOUNDED_SELECT', reason }, statement, operation)
  }

  #verdict(text: string): Verdict {
    const known = this.#verdicts.get(text)
    if (known !== undefined) return known
    const tree = this.#parse?.(text)
    if (tree === undefined || this.#catalog === undefined) return NO_PROBLEM
    const verdict = judgeRows(tree, this.#catalog)
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear()
    this.#verdicts.set(text, verdict)
    return verdict
  }

  #ownerOf({ schema, table }: WrittenTable): string | undefined {
    const found = this.#catalog?.table(schema, table)
    const frameworks = (found?.schema ?? schema) === FRAMEWORK
    return frameworks ? (found?.owner ?? FRAMEWORK) : found?.owner
  }
}

/** The framework's schema, and what its own modules' names begin with. */
const FRAMEWORK = 'holdfast'

class WriteGuard implements OperationGuard {
  readonly #guard: StatementGuard
  readonly #place: OperationPlace
  readonly #allowed: WeakSet<StatementFacts>

  constructor(guard: StatementGuard, place: OperationPlace) {
    this.#guard = guard
    this.#place = place
    this.#allowed = guard.allowedFor(place.module)
  }

  check(statement: Statement): Statement {
    const facts = factsOf(statement.text)
    if (facts.kind === 'transaction' || facts.kind === 'session')
      throw notYours(facts.kind, statement)
    const isTheirs = facts.writes.length > 0 && !isFrameworkStatement(statement)
    if (isTheirs && !this.#allowed.has(facts)) {
      this.#guard.assertOwn(facts, this.#place)
      this.#allowed.add(facts)
    }
    if (facts.kind !== 'select' || statement.rowsMax !== undefined) return statement
    return withRowsMax(statement, this.#guard.rowsMax)
  }
}

/** A new object: statements are values, and the same one may be sent by others. */
function withRowsMax({ text, values, bigint, arrays }: Statement, rowsMax: number): Statement {
  return { text, values, rowsMax, bigint, arrays }
}

class DevelopmentGuard extends WriteGuard {
  readonly repetition: Repetition
  readonly #guard: StatementGuard
  readonly #place: OperationPlace

  constructor(guard: StatementGuard, place: OperationPlace, repetition: Repetition) {
    super(guard, place)
    this.#guard = guard
    this.#place = place
    this.repetition = repetition
  }

  override check(statement: Statement, travel: Travel = 'awaited'): Statement {
    const checked = super.check(statement)
    this.#guard.assertBounded(statement, this.#place)
    const { operation } = this.#place
    const { catalog } = this.#guard
    this.repetition.count(statement, { operation, deferred: travel === 'deferred', catalog })
    return checked
  }
}

const NOT_YOURS = {
  transaction: 'an operation is one transaction already; tx.call composes',
  session: 'it would stay on the connection for its next user; SET LOCAL ends with the operation',
} as const

function notYours(kind: keyof typeof NOT_YOURS, { text }: Statement): HoldfastError {
  return new HoldfastError(
    'HF_OPTION_INVALID',
    `Not inside an operation: ${text}: ${NOT_YOURS[kind]}.`,
  )
}

function unbounded(
  { code, reason }: NonNullable<Verdict['problem']>,
  { text }: Statement,
  operation: string,
): HoldfastError {
  return new HoldfastError(code, `${operation} sent: ${text}\nIt has no bound: ${reason}.`, {
    facts: { operation, text, reason },
  })
}

function foreignTable(
  { schema, table }: WrittenTable,
  owner: string,
  { operation, module }: OperationPlace,
): HoldfastError {
  const name = schema === undefined ? table : `${schema}.${table}`
  const frameworks = owner === FRAMEWORK || owner.startsWith(`${FRAMEWORK}/`)
  const whose = frameworks
    ? 'Holdfast itself: use tx.emit, tx.enqueue or the functions of schema holdfast'
    : `module ${owner}`
  return new HoldfastError(
    'HF_FOREIGN_TABLE',
    `${operation} of module ${module} writes ${name}, which belongs to ${whose}.`,
    { facts: { operation, module, table: name, owner } },
  )
}
