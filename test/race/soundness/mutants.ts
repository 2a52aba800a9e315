/**
 * The explorer with one rule of its reduction left out or bent, as changes to its text.
 *
 * Left out of the list are changes that no outcome can show:
 * - "who skips looks at no lock" and "a statement alone gives nothing back": the rule for locks says
 *   the same of each of these pairs.
 * - "what is locked is looked at as the snapshot has it": whoever publishes a row has locked it.
 * - "who is set free touches little": nobody can see that a message waits, so that whoever goes while
 *   it does may as well go before it; and that is tried, for a message that waits touches everything.
 * - "nothing is checked at the end": what is deferred was looked at by the statement that asked for the
 *   check, and a check that waits or fails touches everything.
 * - "ends of serializable transactions commute": whom the server refuses fails, and a failure touches
 *   everything. No directed program shows it, nor any of some fifty generated ones with two
 *   serializable sessions; the rule stays, for nobody has proven that none can.
 * - "three are as two": a program of three SERIALIZABLE transactions has at least 1,680 schedules, more
 *   than are run here.
 * - "a transaction that defers waits for nobody": it reads what there was when it began to wait.
 * - "locks of the server are not compared", "what is learned changes nothing that was left out": nets
 *   for what no other rule knows of.
 */
import { hiddenMutants } from './hidden-mutants.ts'
import { type Mutant, of } from './mutant.ts'

const dependency = of('footprint/footprint.ts', [
  [
    'reads do not mind commits',
    'if (meet(one.sees, other.publishes, visible)) return true',
    '',
    'a commit between two reads',
  ],
  [
    'snapshots do not mind commits',
    'if (one.snapshot && other.publishes.length > 0) return true',
    '',
    'the snapshot of a first read elsewhere',
  ],
  [
    'locks do not mind locks',
    'if (meet(one.locks, other.locks, conflicting)) return true',
    '',
    'two locks, crossed',
  ],
  [
    'locks do not mind their end',
    'if (meet(one.locks, other.releases, conflicting)) return true',
    '',
    'an advisory lock that is tried',
  ],
  [
    'serializable transactions commute',
    'if (collidesInSerial(left, right, pair)) return true',
    '',
    'write skew at SERIALIZABLE',
  ],
  [
    'updates of one row commute',
    "nokey: ['share', 'nokey', 'update']",
    "nokey: ['share', 'update']",
    'two locks, crossed',
  ],
  [
    'new rows commute',
    "insert: ['insert', 'update']",
    "insert: ['update']",
    'numbers of a sequence',
  ],
  [
    'rows are only what is named',
    'one.key === undefined || other.key === undefined || ',
    '',
    'a range that rows move into',
  ],
  [
    'everything commutes',
    'if (left.all || right.all) return true',
    '',
    'a unique value that becomes free',
  ],
  [
    'nobody looks at the states between',
    'if (watched && left.publishes.length > 0 && right.publishes.length > 0) return true',
    '',
    'a state between two that commute',
  ],
])

const connection = of('footprint/connection.ts', [
  [
    'commits publish nothing',
    "kind === 'commit' && !failed ? held.filter(({ writes }) => writes) : []",
    '[]',
    'a commit between two reads',
  ],
  [
    'ends give nothing back',
    'publishes, releases: held, serial',
    'publishes, releases: [], serial',
    'a lock, and who skips it',
  ],
  [
    'statements alone publish nothing',
    'publishes: alone ? locks.filter(({ writes }) => writes) : []',
    'publishes: []',
    'a statement alone between two reads',
  ],
  [
    'no snapshot is taken',
    'snapshot: takesSnapshot',
    'snapshot: false',
    'the snapshot of a first read elsewhere',
  ],
  [
    'SERIALIZABLE reads what is there by now',
    "const fixed = isolation === 'repeatable read' || isolation === 'serializable'",
    "const fixed = isolation === 'repeatable read'",
    'the snapshot of a SERIALIZABLE reader',
  ],
  [
    'serializable transactions forget what they did',
    'transaction.touched.push(...accesses)',
    '',
    'serializable, and undone',
  ],
  [
    'a level that a transaction sets is not noticed',
    "if (facts.kind === 'isolation') transaction.isolation",
    'if (false) transaction.isolation',
    'a level that is set in the transaction',
  ],
  [
    'a level that a session sets is not noticed',
    'this.#unknown = true',
    'this.#unknown = false',
    'a level that is set for the session',
  ],
  [
    'what cannot be read touches nothing',
    'return transaction?.failed && !facts.restarts ? NOTHING : EVERYTHING',
    'return NOTHING',
    'upsert and delete',
  ],
  [
    'what could not be read has no end',
    'if (opaque || (this.#statements.defers && publishes.length > 0)) return EVERYTHING',
    'if (this.#statements.defers && publishes.length > 0) return EVERYTHING',
    'a block of code in a transaction',
  ],
  [
    'savepoints give nothing back',
    "if (facts.kind === 'rollback-to') return this.#released(transaction)",
    '',
    'a lock that a savepoint gives back',
  ],
  [
    'advisory locks are no locks',
    '...(facts.advisory ? [ADVISORY] : []), ',
    '',
    'an advisory lock and what it guards',
  ],
  [
    'a sequence is drawn from by its name alone',
    'const SEQUENCE: Access = { table: undefined,',
    "const SEQUENCE: Access = { table: 'sequence',",
    'a number that belongs to a table',
  ],
  [
    'rows lie in no order',
    'writes && this.#statements.isTakenAsItLies(table)',
    'false',
    'rows as they lie',
  ],
])

const statements = of('footprint/statements.ts', [
  [
    'cascades meet no trigger',
    'if (follows.table.opaque && isWrite(follows.mode)) return undefined',
    '',
    'a cascade that meets a trigger',
  ],
  [
    'no foreign key is followed',
    'of this.#follow(table, write, new Set())',
    'of []',
    'a child alone, and the end of its parent',
  ],
  [
    'no cascade is followed further',
    'if (!cascades || seen.has(down)) return found',
    'return found',
    'a cascade that goes on',
  ],
  [
    'cascades change nothing',
    "mode: cascades ? 'update' : 'keyshare'",
    "mode: 'keyshare'",
    'a cascade and those who look at it',
  ],
  [
    'unique columns are columns',
    'updates.some((column) => table.unique.includes(column))',
    'false',
    'a unique value that two updates want',
  ],
  [
    'a key that moves is a row that stays',
    'movesKey ? undefined : key',
    'key',
    'a unique value that two updates want',
  ],
  [
    'sequences are not drawn from',
    "functions.includes('nextval')",
    'false',
    'numbers of a sequence',
  ],
  [
    'a default draws nothing',
    " || nodesOf(tree, 'SetToDefault').length > 0",
    '',
    'numbers that are drawn by DEFAULT',
  ],
  [
    'names are what they say',
    'if (this.#tables.some(({ name }) => ctes.has(name))) return undefined',
    '',
    'a name that hides a table',
  ],
  [
    'functions of the user are harmless',
    ' || this.#functions.has(name)',
    '',
    'a function of the user',
  ],
  [
    'functions of the server are harmless',
    'OPAQUE_FUNCTION.test(name) || ',
    '',
    'a sequence that is set',
  ],
  [
    'columns are no functions',
    'this.#columns.has(lastName(fields))',
    'false',
    'a function in the place of a column',
  ],
  [
    'set_config sets nothing that matters',
    "nodesOf(tree, 'FuncCall').some(setsWhatStatementsMean)",
    'false',
    'a level that a function sets',
  ],
  ['defaults are harmless', ' || this.#hidden', '', 'a default that reads'],
  [
    'triggers are harmless',
    'table.view || table.opaque',
    'table.view',
    'what a trigger of a new row writes',
  ],
  [
    'policies are harmless',
    'if (table.opaque) return undefined',
    '',
    'rows that another table hides',
  ],
  ['a view is a table', '(this.#bases.get(table.oid) ?? [])', '[table]', 'what a view shows'],
  [
    'a view is written like a table',
    'table.view || table.opaque',
    'table.opaque',
    'a write through a view',
  ],
  [
    'sequences belong to tables',
    'if (table.sharesSequence) return undefined',
    '',
    'numbers that two tables draw from one sequence',
  ],
])

const writes = of('footprint/writes.ts', [
  [
    'locking clauses are plain reads',
    "if (strengths.includes('LCS_FORUPDATE')) return 'update'",
    '',
    'a lock, and who skips it',
  ],
])

const rowKey = of('footprint/row-key.ts', [
  ['either is both', "both?.boolop === 'AND_EXPR'", 'both !== undefined', 'one row, or another'],
  [
    'whatever is named is a row',
    "if (nodesOf(tree, 'CommonTableExpr').length > 0) return false",
    '',
    'a row that is named behind a change of all',
  ],
  [
    'a list beside a table is nothing',
    'changes && others === undefined',
    'changes',
    'a row that is named in another list',
  ],
  [
    'columns are called what they are called',
    '(range.alias as Tree | undefined)?.colnames === undefined',
    'true',
    'columns that are called otherwise',
  ],
])

const search = of('search.ts', [
  [
    'nobody wakes up',
    'dependent(itsFootprint, footprint, this.#options)',
    'false',
    'writes that do not commute',
  ],
  [
    'the other ways are not taken',
    'this.#found.push({ choices: [...this.choices], sleepers, preemptions })',
    '',
    'a commit between two reads',
  ],
])

const schedule = of('run/schedule.ts', [
  [
    'who blocks touches little',
    'return blocked || freed || failed ?',
    'return freed || failed ?',
    'two locks, crossed',
  ],
  [
    'who fails touches little',
    'return blocked || freed || failed ?',
    'return blocked || freed ?',
    'a failure, and who skips the lock',
  ],
  [
    'nothing harmless fails',
    'if (failed && !ended && ready.footprint.none)',
    'if (false)',
    'a failure that gives a lock back',
  ],
])

export const mutants: readonly Mutant[] = [
  ...dependency,
  ...connection,
  ...statements,
  ...writes,
  ...rowKey,
  ...hiddenMutants,
  ...search,
  ...schedule,
]
