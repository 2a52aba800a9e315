/** What somebody on call sees, in their words: where the way into the rulebook begins. */
export interface Symptom {
  readonly title: string
  /** What tells the possible causes apart, first question first. */
  readonly ask: string
}

export const symptoms = {
  doubled: {
    title: 'Orders, charges or mails happen twice',
    ask: 'Do the doubles carry the same request (a retry or redelivery), or two requests within milliseconds (a race)?',
  },
  lost: {
    title: 'A write, event or job is lost',
    ask: 'Was it ever committed? If yes, look at who reads it and by which position; if no, at what ran after the answer was sent.',
  },
  'wrong-totals': {
    title: 'Balances, stock or counters are wrong',
    ask: 'Do they drift only under parallel load (a race), or also with one user (rounding, a half-done change)?',
  },
  'half-done': {
    title: 'Half of a change is there, the other half is not',
    ask: 'Was there a crash, deploy or timeout at that second? Which two writes should have been one transaction?',
  },
  'others-data': {
    title: 'Customers see the data of others',
    ask: 'Is it wrong for every request of a route (a missing check), or only sometimes (shared state, a pool, a cache key)?',
  },
  'stale-data': {
    title: 'Users see old data after they changed it',
    ask: 'Does it heal by itself after a fixed time (a TTL), after seconds (a replica), or never (a late fill)?',
  },
  'slow-after-deploy': {
    title: 'The API is slow after a deploy',
    ask: 'Did statements per request go up, did a plan change, or is a migration holding a lock?',
  },
  'slow-with-growth': {
    title: 'It gets slower with every month',
    ask: 'Which statement grows with the table: compare calls, rows and time in pg_stat_statements with last month.',
  },
  'hangs-under-load': {
    title: 'Everything hangs at once under load',
    ask: 'What do requests wait for: a pool connection, a row lock, a dependency, or the event loop?',
  },
  'pool-exhausted': {
    title: 'The connection pool is exhausted',
    ask: 'In pg_stat_activity, are the connections active, waiting for a lock, or idle in transaction?',
  },
  'outage-spreads': {
    title: 'A small outage spreads, or does not end when its cause does',
    ask: 'Is the load now higher than before the outage? Then something repeats work: retries, refills, reconnects.',
  },
  'memory-grows': {
    title: 'Memory grows until the process dies',
    ask: 'Does it grow with traffic (something unbounded per request) or jump with one request (a large result or file)?',
  },
  'crashes-restarts': {
    title: 'Processes crash or restart for no visible reason',
    ask: 'Who ended them: the runtime (an unhandled rejection), the platform (a probe), or the kernel (memory)?',
  },
  'errors-on-deploy': {
    title: 'Requests fail during every deploy',
    ask: 'Do they fail on the processes that stop, on those that start, or on the old version against the new schema?',
  },
  'migration-outage': {
    title: 'A migration stopped the application',
    ask: 'Who held the lock, and who waited behind it? A waiting ALTER TABLE stops everybody who comes later.',
  },
  'nobody-noticed': {
    title: 'Customers noticed before we did',
    ask: 'Was it not measured, measured and not alerted, or alerted and not understood?',
  },
  'cannot-reconstruct': {
    title: 'Nobody can say what happened',
    ask: 'Can one request be followed from its log line to its rows, and each change to a person?',
  },
  'account-takeover': {
    title: 'Accounts are taken over',
    ask: 'Were passwords guessed, tokens forged, sessions stolen, or did a leak give them away?',
  },
  'secret-leaked': {
    title: 'A secret or personal data leaked',
    ask: 'Where did it stand in plain text: repository, log, error message, response?',
  },
  intrusion: {
    title: 'Someone runs queries or reaches hosts that they should not',
    ask: 'Which value of a request reached SQL, a URL, a path or an object key unchecked?',
  },
  'client-broken': {
    title: 'A release broke clients',
    ask: 'What did the reply lose or change, and which clients still send the old form?',
  },
  'slow-to-change': {
    title: 'Every change touches everything',
    ask: 'Which modules change together in the history although they have different reasons to?',
  },
  'costs-explode': {
    title: 'The bill grows faster than the traffic',
    ask: 'What grows per request: statements, calls, bytes, or stored series?',
  },
} as const satisfies Record<string, Symptom>

export type SymptomId = keyof typeof symptoms
