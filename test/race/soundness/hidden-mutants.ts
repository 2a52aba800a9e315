/** Rules for what a text does not show, left out: of the order of rows, new keys, functions and views. */
import { of } from './mutant.ts'

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
      'functions take rows in an order',
      'return this.#functions.has(name) || RUNS_TEXT.test(name)',
      'return RUNS_TEXT.test(name)',
      'a function that takes the first row',
    ],
    [
      'code takes rows in an order',
      'DATA.has(verb) ? code : !LOOKS_AT_NO_ROW.has(verb)',
      'DATA.has(verb) && code',
      'a block of code that takes the first row',
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

export const hiddenMutants = [
  ...rowOrder,
  ...insertedRows,
  ...newRows,
  ...serializable,
  ...functions,
  ...texts,
]
