/** The explorer with one rule of its reduction left out or bent, as changes to its text. */
export interface Mutant {
  readonly title: string
  /** Below src/prove. */
  readonly file: string
  readonly from: string
  readonly to: string
}

function of(file: string, list: readonly (readonly [string, string, string])[]): Mutant[] {
  return list.map(([title, from, to]) => ({ title, file, from, to }))
}

const dependency = of('footprint/footprint.ts', [
  ['reads do not mind commits', 'if (meet(one.sees, other.publishes, visible)) return true', ''],
  [
    'snapshots do not mind commits',
    'if (one.snapshot && other.publishes.length > 0) return true',
    '',
  ],
  ['locks do not mind locks', 'if (meet(one.locks, other.locks, conflicting)) return true', ''],
  [
    'locks do not mind their end',
    'if (meet(one.locks, other.releases, conflicting)) return true',
    '',
  ],
  ['serializable transactions commute', 'if (collidesInSerial(left, right, pair)) return true', ''],
  [
    'updates of one row commute',
    "nokey: ['share', 'nokey', 'update']",
    "nokey: ['share', 'update']",
  ],
  ['rows are only what is named', 'one.key === undefined || other.key === undefined || ', ''],
  ['everything commutes', 'if (left.all || right.all) return true', ''],
])

const connection = of('footprint/connection.ts', [
  [
    'commits publish nothing',
    "kind === 'commit' && !failed ? held.filter(({ writes }) => writes) : []",
    '[]',
  ],
  [
    'ends give nothing back',
    'publishes, releases: held, serial',
    'publishes, releases: [], serial',
  ],
  [
    'statements alone publish nothing',
    'publishes: alone ? locks.filter(({ writes }) => writes) : []',
    'publishes: []',
  ],
  ['no snapshot is taken', 'snapshot: takesSnapshot', 'snapshot: false'],
  [
    'what cannot be read touches nothing',
    "if (facts.kind === 'opaque') return transaction?.failed ? NOTHING : EVERYTHING",
    "if (facts.kind === 'opaque') return NOTHING",
  ],
  [
    'savepoints give nothing back',
    "if (facts.kind === 'rollback-to') return this.#released(transaction)",
    '',
  ],
  ['advisory locks are no locks', '...(facts.advisory ? [ADVISORY] : []), ', ''],
])

const statements = of('footprint/statements.ts', [
  [
    'cascades meet no trigger',
    'if (follows.table.opaque && isWrite(follows.mode)) return undefined',
    '',
  ],
  [
    'unique columns are columns',
    'updates.some((column) => table.unique.includes(column))',
    'false as boolean',
  ],
  ['sequences are not drawn from', "functions.includes('nextval')", 'false'],
  [
    'names are what they say',
    'if (this.#tables.some(({ name }) => ctes.has(name))) return undefined',
    '',
  ],
  [
    'locking clauses are plain reads',
    "if (strengths.includes('LCS_FORUPDATE')) return 'update'",
    '',
  ],
  ['functions of the user are harmless', ' || this.#functions.has(name)', ''],
  ['triggers are harmless', 'tables[0]?.view || tables[0]?.opaque', 'tables[0]?.view'],
  ['sequences belong to tables', 'if (tables[0]?.sharesSequence) return undefined', ''],
])

const search = of('search.ts', [
  ['nobody wakes up', 'dependent(itsFootprint, footprint, this.#options)', 'false'],
  [
    'the other ways are not taken',
    'this.#found.push({ choices: [...this.choices], sleepers, preemptions })',
    '',
  ],
])

const schedule = of('run/schedule.ts', [
  ['who blocks touches little', 'return blocked || freed || failed ?', 'return freed || failed ?'],
])

export const mutants: readonly Mutant[] = [
  ...dependency,
  ...connection,
  ...statements,
  ...search,
  ...schedule,
]
