/** What somebody on call sees, in their words: where the way into the rulebook begins. */
export interface Symptom {
  readonly title: string
  /** What stops the damage now, before anybody knows the cause. */
  readonly first: string
  /** The playbook of `holdfast advise runbook` that goes on from there. */
  readonly runbook?: string
  /** What tells the possible causes apart, first question first. */
  readonly ask: string
}

export const symptoms = {
  doubled: {
    title: 'Orders, charges or mails happen twice',
    first:
      'Stop what repeats: pause the worker, consumer or cron that sends, and tell clients to stop retrying. Do not delete the doubles; count them first.',
    runbook: 'data-repair',
    ask: 'Do the doubles carry the same request (a retry or redelivery), or two requests within milliseconds (a race)?',
  },
  lost: {
    title: 'A write, event or job is lost',
    first:
      'Keep what may still tell: stop pruning of logs, outbox and dead letters. Look into the dead letters before you send anything again.',
    runbook: 'queue-growing',
    ask: 'Was it ever committed? If yes, look at who reads it and by which position; if no, at what ran after the answer was sent.',
  },
  'wrong-totals': {
    title: 'Balances, stock or counters are wrong',
    first:
      'Stop the writer of that number (a flag, a paused job) and note the time: what is booked from now on must not be repaired twice.',
    runbook: 'data-repair',
    ask: 'Do they drift only under parallel load (a race), or also with one user (rounding, a half-done change)?',
  },
  'half-done': {
    title: 'Half of a change is there, the other half is not',
    first:
      'Find out whether it still happens. If it does, stop that path; if it does not, list the halves by query before anybody mends one by hand.',
    runbook: 'data-repair',
    ask: 'Was there a crash, deploy or timeout at that second? Which two writes should have been one transaction?',
  },
  'others-data': {
    title: 'Customers see the data of others',
    first:
      'Take the route or the cache out at once: an error page is better than another leak. Keep access logs and the cache as they are, and call whoever answers for personal data: the clock of a breach notice runs.',
    ask: 'Is it wrong for every request of a route (a missing check), or only sometimes (shared state, a pool, a cache key)?',
  },
  'stale-data': {
    title: 'Users see old data after they changed it',
    first:
      'Lower or drop the cache entry of the case at hand, and read it from the primary. If that heals it, the cause is a copy.',
    ask: 'Does it heal by itself after a fixed time (a TTL), after seconds (a replica), or never (a late fill)?',
  },
  'slow-after-deploy': {
    title: 'The API is slow after a deploy',
    first:
      'Roll back if you can: it is the quickest test there is. Keep one old process to compare.',
    runbook: 'performance',
    ask: 'Did statements per request go up, did a plan change, or is a migration holding a lock?',
  },
  'slow-with-growth': {
    title: 'It gets slower with every month',
    first:
      'Nothing has to be stopped tonight. Set a statement timeout on the worst statement, so that it cannot take the rest along.',
    runbook: 'performance',
    ask: 'Which statement grows with the table: compare calls, rows and time in pg_stat_statements with last month.',
  },
  'hangs-under-load': {
    title: 'Everything hangs at once under load',
    first:
      'Shed load at the edge (a rate limit, a paused job queue) until requests end again. Take a snapshot of pg_stat_activity before you restart anything.',
    runbook: 'database-slow',
    ask: 'What do requests wait for: a pool connection, a row lock, a dependency, or the event loop?',
  },
  'pool-exhausted': {
    title: 'The connection pool is exhausted',
    first:
      'Find the oldest transaction that is idle, and end that one session. Do not raise the limit: the database gets slower with each connection.',
    runbook: 'pool-exhausted',
    ask: 'In pg_stat_activity, are the connections active, waiting for a lock, or idle in transaction?',
  },
  'outage-spreads': {
    title: 'A small outage spreads, or does not end when its cause does',
    first: 'Switch retries off, or open the breaker by hand, and let load in again in steps.',
    runbook: 'dependency-down',
    ask: 'Is the load now higher than before the outage? Then something repeats work: retries, refills, reconnects.',
  },
  'memory-grows': {
    title: 'Memory grows until the process dies',
    first:
      'Restart one process at a time, and take a heap snapshot of one before. Lower page and upload limits meanwhile.',
    ask: 'Does it grow with traffic (something unbounded per request) or jump with one request (a large result or file)?',
  },
  'crashes-restarts': {
    title: 'Processes crash or restart for no visible reason',
    first:
      'Read the last line before the end and the exit code: 137 is the kernel or the platform, 1 an exception. Lengthen the liveness probe if it is the one that kills.',
    ask: 'Who ended them: the runtime (an unhandled rejection), the platform (a probe), or the kernel (memory)?',
  },
  'errors-on-deploy': {
    title: 'Requests fail during every deploy',
    first:
      'Stop the rollout where it is. If the schema has changed, roll the code forward or back to what fits it, not the schema.',
    runbook: 'deploy',
    ask: 'Do they fail on the processes that stop, on those that start, or on the old version against the new schema?',
  },
  'migration-outage': {
    title: 'A migration stopped the application',
    first: 'Cancel the migration (pg_cancel_backend), not the sessions that wait behind it.',
    runbook: 'bad-migration',
    ask: 'Who held the lock, and who waited behind it? A waiting ALTER TABLE stops everybody who comes later.',
  },
  'nobody-noticed': {
    title: 'Customers noticed before we did',
    first: 'Nothing to stop: write down when it began, who said so first, and what should have.',
    runbook: 'on-call-hygiene',
    ask: 'Was it not measured, measured and not alerted, or alerted and not understood?',
  },
  'cannot-reconstruct': {
    title: 'Nobody can say what happened',
    first:
      'Export the logs of the hour before they are rotated, and note which clocks and zones they use.',
    runbook: 'on-call-hygiene',
    ask: 'Can one request be followed from its log line to its rows, and each change to a person?',
  },
  'account-takeover': {
    title: 'Accounts are taken over',
    first:
      'End the sessions and keys of the accounts concerned, and put a tighter limit on login. Keep the login log.',
    runbook: 'leaked-secret',
    ask: 'Were passwords guessed, tokens forged, sessions stolen, or did a leak give them away?',
  },
  'secret-leaked': {
    title: 'A secret or personal data leaked',
    first:
      'Rotate it now, then look who has used it. Deleting the commit or the line does not take it back.',
    runbook: 'leaked-secret',
    ask: 'Where did it stand in plain text: repository, log, error message, response?',
  },
  intrusion: {
    title: 'Someone runs queries or reaches hosts that they should not',
    first:
      'Take the route out, or block it at the edge. Rotate what the process could read, and keep logs and disks for whoever examines them.',
    runbook: 'leaked-secret',
    ask: 'Which value of a request reached SQL, a URL, a path or an object key unchecked?',
  },
  'client-broken': {
    title: 'A release broke clients',
    first: 'Roll the release back, or serve the old form beside the new one.',
    runbook: 'deploy',
    ask: 'What did the reply lose or change, and which clients still send the old form?',
  },
  'slow-to-change': {
    title: 'Every change touches everything',
    first: 'Nothing has to be stopped; it is not for the night.',
    runbook: 'service-design-review',
    ask: 'Which modules change together in the history although they have different reasons to?',
  },
  'costs-explode': {
    title: 'The bill grows faster than the traffic',
    first:
      'Put a cap or an alert on the line of the bill that grows, and look what was deployed on the day it began.',
    ask: 'What grows per request: statements, calls, bytes, or stored series?',
  },
} as const satisfies Record<string, Symptom>

export type SymptomId = keyof typeof symptoms
