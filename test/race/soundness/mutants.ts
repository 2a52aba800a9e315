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
export interface Mutant {
  readonly title: string
  /** Below src/prove. */
  readonly file: string
  readonly from: string
  readonly to: string
  /** The title of the program that rests on this rule: it is run first. */
  readonly program: string
}

type Change = readonly [title: string, from: string, to: string, program: string]

function of(file: string, list: readonly Change[]): Mutant[] {
  return list.map(([title, from, to, program]) => ({ title, file, from, to, program }))
}

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
    'this.#columns.has(lastName(column.fields))',
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

const rowOrder = of('footprint/row-order.ts', [
  [
    'a list of rows has an order',
    'listsWithoutOrder(call, table)) ||',
    'listsWithoutOrder(call, table) && false) ||',
    'a list of rows as they lie',
  ],
  ['sums are exact', 'addsFractions(tree, ranges) ||', '', 'a sum that is rounded'],
  [
    'an array of rows has an order',
    'selects.some((select) => !hasOrder(select, table))',
    'false',
    'an array of rows as they lie',
  ],
  [
    'a JSON array of rows has an order',
    'nodesOf(tree, kind).length > 0',
    'false',
    'a JSON array of rows as they lie',
  ],
  ['one row matches one', 'takesAnyMatch(tree) ||', '', 'a row that several match'],
  ['rows have no place', 'looksAtPlaces(tree, ranges) ||', '', 'the place of a row'],
  [
    'rows are cut off in an order',
    'isCut(select) && !isInOrder(tree, select, table)',
    'false',
    'rows as they lie',
  ],
  ['DISTINCT ON takes all', ' || on', '', 'the first of each kind'],
  [
    'windows have an order',
    'if (over !== undefined) return !isSorted(over.orderClause, table)',
    'if (over !== undefined) return false',
    'rows that are numbered as they lie',
  ],
  ['any value is the same', '|any_value', '', 'any of several values'],
  [
    'what has an order has no equals',
    'if (!LISTS.test(functionName(call)) || call.agg_distinct === true) return false',
    'if (!LISTS.test(functionName(call)) || call.agg_order !== undefined) return false',
    'a list in an order with equals',
  ],
  [
    'what is made of a key is a key',
    "const column = fieldOf(fieldOf(part, 'SortBy')?.node, 'ColumnRef')",
    "const [column] = nodesOf(part, 'ColumnRef')",
    'the first in an order with equals',
  ],
  [
    'what is called as a key is a key',
    ' && !isAlias(targetList, table?.key)',
    '',
    'a key that is only called so',
  ],
  [
    'a join is a table',
    'others.length + namesakes.length === 0',
    'namesakes.length === 0',
    'the first of a join',
  ],
  [
    'a part of a key is a key',
    'table?.keyAlone && !table.view',
    'table && !table.view',
    'the first by a part of its key',
  ],
])

const insertedRows = of('footprint/inserted-rows.ts', [
  [
    'numbers tell nothing',
    'if (table.draws) return undefined',
    '',
    'new rows in the order of their numbers',
  ],
  [
    'casts change nothing',
    'cast === undefined || typmods !== undefined || !SAME[type]?.includes(lastName(names))',
    'cast === undefined',
    'a cast that cuts',
  ],
  [
    'lengths cut nothing',
    'cast === undefined || typmods !== undefined || ',
    'cast === undefined || ',
    'a cast that cuts',
  ],
  [
    'all casts are to the type of the column',
    ' || !SAME[type]?.includes(lastName(names))',
    '',
    'a number in the place of a word',
  ],
])

const newRows = [
  ...of('footprint/footprint.ts', [
    [
      'new rows never have one key',
      'one.given === other.given && one.keys.isDisjointFrom(other.keys)',
      'true',
      'one word for two new rows',
    ],
    [
      'what is left out is nothing',
      'one.given === other.given && ',
      '',
      'a key that is given, and one that is left out',
    ],
    [
      'what is not known is another key',
      'if (one === undefined || other === undefined) return false\n  return one.given',
      'if (one === undefined || other === undefined) return true\n  return one.given',
      'one key for two new rows',
    ],
    [
      'new rows and ends of rows commute',
      "if (one.mode === 'insert' || other.mode === 'insert') return sameTable(one, other)",
      "if (one.mode === 'insert' || other.mode === 'insert') return false",
      'a new row, and the end of another',
    ],
    [
      'nobody sees new rows',
      "one.mode === 'insert' ? conflicting(one, other) : sameRow(one, other)",
      "other.mode === 'insert' ? conflicting(one, other) : sameRow(one, other)",
      'a count and a new row',
    ],
  ]),
  ...of('footprint/connection.ts', [
    ['blanks are kept', 'return text.trimEnd()', 'return text', 'blanks that are cut off'],
  ]),
  ...of('footprint/store.ts', [
    [
      'all columns of an index are its key',
      "'(i.indkey::int2[])[0:i.indnkeyatts - 1]'",
      "'i.indkey'",
      'rows that differ in what an index carries along',
    ],
    [
      'indexes compare as columns do',
      'WHERE l.oid = ANY (i.indcollation) AND',
      'WHERE false AND',
      'letters that an index takes for equal',
    ],
    [
      'what is excluded is what is equal',
      'i.indisexclusion OR i.indnullsnotdistinct',
      'i.indnullsnotdistinct',
      'values that exclude each other',
    ],
    ['nothing is never equal', ' OR i.indnullsnotdistinct', '', 'two rows with nothing'],
  ]),
]

const serializable = of('footprint/footprint.ts', [
  [
    'who has committed is forgotten',
    ' && one.first && other.first',
    '',
    'a serializable transaction behind another',
  ],
  [
    'locks read nothing',
    "return mode !== 'insert'",
    "return mode === 'read'",
    'a lock that reads at SERIALIZABLE',
  ],
])

const functions = [
  ...of('footprint/plain-functions.ts', [
    [
      'what a function calls is harmless',
      '!callsOneOf(opaque, body)',
      'true',
      'a function that calls another',
    ],
    [
      'all names are words',
      '(/^[a-z_][a-z0-9_]*$/.test(name) ? words.has(name) : text.includes(name))',
      'words.has(name)',
      'a function that calls one whose name is no word',
    ],
    [
      'names are small in functions',
      '    .map((name) => name.toLowerCase())\n',
      '',
      'a function that calls one whose name has capitals',
    ],
    ['functions read nothing', "'from|into|table|", "'into|table|", 'a function that reads'],
    ['views are never made anew', "'refresh|reindex", "'reindex", 'a view that is made anew'],
    [
      'quotes end strings',
      String.raw` || /\\|\$(?!\d)/.test(body)`,
      '',
      'a quote that ends no string',
    ],
    [
      'comments have no quotes',
      String.raw`/--|\/\*/.test(body) ? body : body.replaceAll`,
      'body.replaceAll',
      'a quote in a comment',
    ],
    ['every language is SQL', '!LANGUAGES.has(language) || ', '', 'a function of an extension'],
  ]),
  ...of('footprint/store.ts', [
    [
      'arguments have no defaults',
      'concat(pg_get_expr(p.proargdefaults, 0),',
      "concat('',",
      'what an argument is by default',
    ],
    [
      'extensions are harmless',
      "AND (x.extname IS NULL OR (p.provolatile <> 'i' AND x.extname <> ALL ($1)))",
      'AND x.extname IS NULL AND $1::text[] IS NOT NULL',
      'a function of an extension',
    ],
  ]),
  ...of('footprint/statements.ts', [
    [
      'names are small',
      'new Set(functions.map(({ name }) => name.toLowerCase()))',
      'new Set(functions.map(({ name }) => name))',
      'a function whose name has capitals',
    ],
    [
      'views only read',
      "return kind === 'data' && !advisory && !draws && accesses.every(({ mode }) => mode === 'read')",
      "return kind === 'data' && !advisory && !draws",
      'a view that locks',
    ],
    ['views draw nothing', '!advisory && !draws', '!advisory', 'a view that draws a number'],
    [
      'views touch tables alone',
      "return kind === 'data' && !advisory",
      'return !advisory',
      'a view of the locks of others',
    ],
    [
      'views are in order',
      'if (definition === null) return true',
      'if (definition === null || /LIMIT/.test(definition)) return true',
      'a view of the first row',
    ],
    [
      'nobody goes by the positions of the log',
      'if (tables.flat().some((table) => tableName(table) === LOG)) this.#noteAsTheyLie([LOG])',
      '',
      'the log, and who goes by its positions',
    ],
    [
      'what is changed is never gone through',
      'return [...read.map(tableName), ...changed.map(({ table }) => table)]',
      'return changed.map(({ table }) => table)',
      'a command that takes the first row',
    ],
  ]),
]

const texts = [
  ...of('footprint/connection.ts', [
    [
      'two transactions in one message are one',
      'if (facts.restarts || (',
      'if ((',
      'two transactions in one message',
    ],
    [
      'what has failed does nothing more',
      'transaction?.failed && !facts.restarts ?',
      'transaction?.failed ?',
      'a failed transaction that ends and goes on',
    ],
  ]),
  ...of('run/schedule.ts', [
    [
      'rows are locked in any order',
      'if (flight.waitedFor.length > 0 || showsSeveralRows(answer))',
      'if (showsSeveralRows(answer))',
      'rows that are locked as they lie',
    ],
    [
      'nobody takes the first row',
      'return (rows?.length ?? 0) > 1 || (',
      'return (',
      'a command that takes the first row',
    ],
    [
      'new rows come in any order',
      " || (command === 'INSERT' && (rowCount ?? 0) > 1)",
      '',
      'new rows of rows as they lie',
    ],
  ]),
]

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
  ...rowOrder,
  ...insertedRows,
  ...newRows,
  ...serializable,
  ...functions,
  ...texts,
  ...search,
  ...schedule,
]
