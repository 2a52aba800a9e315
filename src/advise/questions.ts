import { type AnswerTo, choice, type Question, quantity, yesNo } from './question.ts'

const MANY: readonly [number, number] = [0, 1e9]

/** Load, size and people: what most decisions turn on. */
const loadQuestions = {
  requestsPerSecond: quantity('Requests per second at the peak', 'requests/s', 50, MANY),
  writesPerSecond: quantity('Rows written per second at the peak', 'rows/s', 50, MANY),
  eventsPerSecond: quantity('Jobs or messages per second at the peak', 'messages/s', 20, MANY),
  requestsPerDayMillion: quantity('Requests per day, in millions', 'million/day', 1, [0, 1e6]),
  peakToMean: quantity('Peak load divided by mean load', 'times', 4, [1, 1000]),
  dataGb: quantity('Data in two years, indexes included', 'GB', 50, [0, 1e7]),
  largestTableGb: quantity('The largest table in two years', 'GB', 10, [0, 1e7]),
  readsPerWrite: quantity('Reads for each write', 'times', 10, [0, 1e7]),
  databaseCpuPercent: quantity('CPU of the database server at the peak', '%', 20, [0, 100]),
  appCpuPercent: quantity('CPU of the app processes at the peak', '%', 30, [0, 100]),
  cacheHitPercent: quantity('Block reads served from shared buffers', '%', 99, [0, 100]),
  p95TargetMs: quantity('The p95 that users need', 'ms', 300, [1, 1e6]),
  engineers: quantity('Engineers who change this backend', 'people', 5, [1, 5000]),
  teams: quantity('Teams that release on their own', 'teams', 1, [1, 500]),
  services: quantity('Services that are deployed apart today', 'services', 1, [1, 5000]),
} as const satisfies Record<string, Question>

const dataQuestions = {
  dataShape: choice('What most of the data is', 'records', {
    records: 'records with relations: orders, users, bookings',
    documents: 'documents whose shape differs from one to the next, read whole',
    paths: 'a graph asked for paths of many hops',
    measurements: 'measurements appended in time order, read in ranges',
    vectors: 'embeddings asked for neighbours',
  }),
  measurementsPerSecond: quantity('Measurements per second', 'rows/s', 1000, MANY),
  vectorsMillion: quantity('Vectors to search', 'million', 0.5, [0, 1e5]),
  hopsMax: quantity('Hops in a typical path query', 'hops', 2, [1, 50]),
  moneyOrStock: yesNo('Does a lost or doubled write cost money, stock or trust?', true),
  crossRowRules: yesNo(
    'Does a rule span several rows that change at once (a sum, a seat plan)?',
    true,
  ),
  hotRowWritesPerSecond: quantity(
    'Writes per second to the hottest single row',
    'writes/s',
    1,
    MANY,
  ),
  longReports: yesNo('Do reports of several statements need one consistent picture?', false),
  tenants: quantity('Tenants (customers whose data must not mix)', 'tenants', 0, [0, 1e8]),
  tenantIsolation: choice('What tenants are promised', 'rows', {
    rows: 'nobody sees the rows of another',
    restore: 'one tenant can be restored or moved alone',
    physical: 'own database or key, by contract or law',
  }),
  largestTenantPercent: quantity('Share of the load of the largest tenant', '%', 10, [0, 100]),
  listRows: quantity('Rows of the largest list', 'rows', 100_000, [0, 1e12]),
  jumpToPage: yesNo('Must people jump to page 47?', false),
  searchDocumentsMillion: quantity('Documents to search', 'million', 1, [0, 1e6]),
  searchesPerSecond: quantity('Searches per second at the peak', 'searches/s', 5, MANY),
  searchNeeds: choice('What search must do', 'words', {
    words: 'words, stems, prefixes, ranking by fields',
    typos: 'typo tolerance, facets, as-you-type',
    relevance: 'tuned relevance, synonyms, many languages, aggregations',
  }),
  fileMb: quantity('Size of a typical upload', 'MB', 2, [0, 1e6]),
  filesGbPerMonth: quantity('New files per month', 'GB', 10, [0, 1e7]),
  filesUntrusted: yesNo('Do files come from people you do not know?', true),
} as const satisfies Record<string, Question>

const apiQuestions = {
  callers: choice('Who calls the API', 'own-web', {
    'own-web': 'your own web or mobile front end',
    partners: 'partners and the public',
    services: 'your own services',
    machines: 'scripts and machines of customers',
  }),
  clientsPerTypescript: yesNo('Are all clients TypeScript in the same repository?', false),
  fieldsVary: yesNo('Do many screens need different slices of one connected graph?', false),
  serverPush: choice('What the server must push', 'nothing', {
    nothing: 'nothing, or polling is fine',
    updates: 'updates to one direction: progress, prices, notifications',
    dialogue: 'both directions at once: chat, games, cursors',
    systems: 'facts to systems of other companies',
  }),
  internalCallsPerSecond: quantity('Calls per second between services', 'calls/s', 50, MANY),
  clientsUpgrade: choice('When clients can be upgraded', 'with-server', {
    'with-server': 'together with the server',
    months: 'within months (mobile apps)',
    never: 'you cannot make them (public API)',
  }),
  breakingPerYear: quantity('Breaking changes per year', 'changes', 1, [0, 1000]),
  browserLogin: yesNo('Do people log in with a browser?', true),
  enterpriseLogin: yesNo('Must customers log in with their own identity provider?', false),
  verifiedElsewhere: yesNo('Must others verify a login without asking you?', false),
  revokeSeconds: quantity('Seconds until a revoked login must stop working', 's', 60, [0, 1e7]),
  staleSeconds: quantity('Seconds for which an old value does no harm', 's', 0, [0, 1e7]),
  repeatReadsPercent: quantity('Reads that ask for what was read before', '%', 50, [0, 100]),
  readCostMs: quantity('What such a read costs uncached', 'ms', 10, [0, 1e6]),
  appProcesses: quantity('App processes at the peak', 'processes', 2, [1, 1e5]),
} as const satisfies Record<string, Question>

const workQuestions = {
  answerNeeded: yesNo('Does the caller need the outcome in this reply?', true),
  steps: quantity('Steps that must all happen, in different systems', 'steps', 1, [1, 100]),
  stepSeconds: quantity('Seconds that the slowest step takes', 's', 0.2, [0, 1e7]),
  undoable: yesNo('Can each step be undone or compensated?', true),
  databasesWritten: quantity('Databases that one action must change', 'databases', 1, [1, 50]),
  consumers: quantity('Independent consumers of one message', 'consumers', 1, [0, 1e4]),
  replayDays: quantity('Days for which consumers may want to read again', 'days', 7, [0, 36_500]),
  otherLanguages: yesNo('Must programs in other languages consume the messages?', false),
  ordered: yesNo('Must messages of one key be handled in order?', false),
  strongestConstraint: choice('The strongest constraint on framework and language', 'team', {
    team: 'what the team knows',
    cpu: 'p95 under CPU-bound load',
    data: 'data and machine learning in the request',
    safety: 'memory safety, predictable latency without a collector',
    enterprise: 'an enterprise with one stack and its audits',
    edge: 'code that runs next to users',
    correctness: 'writes that must not be lost or doubled',
  }),
  language: choice('What the team writes best', 'javascript', {
    javascript: 'TypeScript or JavaScript',
    python: 'Python',
    go: 'Go',
    jvm: 'Java or Kotlin',
    dotnet: 'C#',
    rust: 'Rust',
  }),
  sqlSkill: choice('How well the team knows SQL', 'good', {
    low: 'little: joins are looked up',
    good: 'well: writes and reads joins, knows EXPLAIN',
    expert: 'window functions, locks and plans are daily bread',
  }),
  dynamicQueries: yesNo('Are many queries put together at run time (filters, sorting)?', true),
  idlePercent: quantity('Hours of a day without any request', '%', 0, [0, 100]),
  operators: choice('Who runs the machines', 'platform', {
    nobody: 'nobody: it must run itself',
    platform: 'a managed container platform',
    team: 'a team that runs machines for a living',
  }),
  requestSeconds: quantity('Seconds of the longest request', 's', 2, [0, 1e6]),
  usersFarPercent: quantity('Users more than 100 ms away from the server', '%', 10, [0, 100]),
  cacheablePercent: quantity('Responses that are the same for everybody', '%', 20, [0, 100]),
  tracesBudgetGbPerDay: quantity('Telemetry that may be kept', 'GB/day', 5, [0, 1e6]),
  onCall: yesNo('Is somebody on call?', false),
  sqlInTests: yesNo('Does most logic live in SQL or depend on it?', true),
  contractsWithOthers: yesNo('Do other teams or companies depend on the API?', false),
} as const satisfies Record<string, Question>

export const questions = {
  ...loadQuestions,
  ...dataQuestions,
  ...apiQuestions,
  ...workQuestions,
}

export type QuestionId = keyof typeof questions

export type Answers = { readonly [Id in QuestionId]?: AnswerTo<(typeof questions)[Id]> }

export function isQuestionId(text: string): text is QuestionId {
  return Object.hasOwn(questions, text)
}
