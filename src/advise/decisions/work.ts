/** Decisions about work that spans requests, rows and systems. */
import { above, all, any, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const broker = decision({
  id: 'broker',
  title: 'Queue or broker',
  rule: 'A queue in the database that holds the truth, until rate, fan-out or other consumers need a broker; then feed it from the outbox.',
  question: 'Where do jobs and messages wait?',
  version: '2026-11-21',
  related: ['outbox', 'publish-before-commit'],
  options: {
    postgres: {
      name: 'Postgres (jobs in the same transaction)',
      cost: 'rows that die quickly: vacuum must keep up, and a long transaction holds it back',
    },
    redis: {
      name: 'Redis (BullMQ)',
      cost: 'not in your transaction: a crash between commit and add loses or invents a job',
    },
    nats: {
      name: 'NATS JetStream, fed from the outbox',
      cost: 'a cluster of three, and people who know it',
    },
    rabbitmq: {
      name: 'RabbitMQ quorum queues, fed from the outbox',
      cost: 'no replay; routing in the broker is configuration to keep',
    },
    kafka: {
      name: 'Kafka, fed from the outbox',
      cost: 'partitions, schemas, lag and an operator: pays from tens of thousands of messages a second',
    },
    cloud: {
      name: 'A managed queue (SQS, Pub/Sub), fed from the outbox',
      cost: 'per message; no transaction with your data; local development needs a stand-in',
    },
  },
  branches: [
    {
      when: all(
        above('eventsPerSecond', 20_000),
        any(above('consumers', 3), above('replayDays', 7)),
      ),
      pick: 'kafka',
      why: 'A log of this rate with several readers who may read again is what it was built for.',
    },
    {
      when: above('eventsPerSecond', 10_000),
      pick: 'nats',
      why: 'Past what one Postgres hands out comfortably (12,000 to 20,000 trivial jobs a second, measured), with less to run than Kafka.',
    },
    {
      when: all(above('consumers', 5), yes('otherLanguages')),
      pick: 'nats',
      why: 'Many consumers in several languages want a broker with clients for each; the outbox keeps the promise.',
    },
    {
      when: all(yes('otherLanguages'), is('operators', 'nobody')),
      pick: 'cloud',
      why: 'Programs elsewhere consume, and nobody runs a broker: buy it.',
    },
    {
      when: all(yes('otherLanguages'), above('consumers', 2)),
      pick: 'rabbitmq',
      why: 'Work handed to programs in other languages, routed by kind, without replay.',
    },
    {
      when: all(no('moneyOrStock'), above('eventsPerSecond', 5000), below('replayDays', 1)),
      pick: 'redis',
      why: 'Fast, short-lived work that may be lost in a crash without anybody minding.',
    },
  ],
  otherwise: {
    pick: 'postgres',
    why: 'The job commits with the change that causes it: nothing is lost or doubled between two systems, and nothing more is to be run.',
  },
  notes: [
    {
      when: yes('moneyOrStock'),
      say: 'Whatever the broker, publish from an outbox and deduplicate in an inbox: brokers deliver at least once.',
    },
    {
      when: yes('ordered'),
      say: 'Order holds per key only, and only if a failed message holds back its own key: check what your library does with a retry.',
    },
    {
      when: above('eventsPerSecond', 500, 'measured'),
      say: 'Keep analytics off the same server: at 800 jobs a second three overlapping two-minute queries were enough to start a death spiral (dead rows pinned).',
    },
  ],
  flips: [
    { at: 'claiming a job takes more than 50 ms p99 with vacuum well set', to: 'nats' },
    { at: 'consumers outside your team want to replay weeks', to: 'kafka' },
  ],
  measure: [
    'age of the oldest waiting job, and dead tuples of the job table: pg_stat_user_tables',
    'arrivals and service time, then: holdfast advise queue',
  ],
  uncertainty:
    'Rates are of trivial jobs on small machines; a job that does real work reaches the limit of the worker first.',
  sources: [sources.graphileWorker, sources.jetstream, sources.rabbitQuorum, sources.kafkaDesign],
})

export const syncOrAsync = decision({
  id: 'sync-or-async',
  title: 'Sync or async, choreography or orchestration',
  rule: 'Answer in the request what the caller needs; everything else later; orchestrate from five steps on.',
  question: 'Does the work happen in the request, and who leads it?',
  version: '2026-11-21',
  related: ['saga', 'async-202', 'synchronous-everything'],
  options: {
    sync: {
      name: 'In the request',
      cost: 'the slowest and the least available part decide for all',
    },
    'async-202': {
      name: 'Answer 202, work as a job, status to poll or a stream',
      cost: 'clients need a second look; somebody must own what fails later',
    },
    choreography: {
      name: 'Events: each module reacts to facts',
      cost: 'nobody sees the whole; fine to four steps',
    },
    orchestration: {
      name: 'A saga: one durable function leads the steps and compensates',
      cost: 'compensations to write and test; a store for progress',
    },
  },
  branches: [
    {
      when: all(above('steps', 4), yes('undoable')),
      pick: 'orchestration',
      why: 'Five and more steps with compensations: the order and the way back must stand in one place that survives a crash.',
    },
    {
      when: all(above('databasesWritten', 1), yes('moneyOrStock')),
      pick: 'orchestration',
      why: 'Several systems change and money is among them: someone must know how far it got.',
    },
    {
      when: all(above('steps', 1), no('answerNeeded')),
      pick: 'choreography',
      why: 'A few reactions that the caller does not wait for: state the fact, let others react, fail and retry apart.',
    },
    {
      when: above('stepSeconds', 2),
      pick: 'async-202',
      why: 'Longer than about two seconds, people and proxies give up: take the work durably, answer at once.',
    },
    {
      when: no('answerNeeded'),
      pick: 'async-202',
      why: 'The caller does not need the outcome: a job in the same transaction is safer than a call in the request.',
    },
  ],
  otherwise: {
    pick: 'sync',
    why: 'Short and needed at once: one transaction, one reply, nothing to reconcile.',
  },
  notes: [
    {
      when: no('undoable'),
      say: 'A step that cannot be undone goes last, after everything that may fail, and with an idempotency key of its own.',
    },
    {
      when: above('steps', 3, 'documented'),
      say: 'In a chain of synchronous calls availabilities multiply: four of 99.9 % give 99.6 %, about three hours a month.',
    },
  ],
  flips: [
    { at: 'p99 of the slowest step passes half of the deadline of the request', to: 'async-202' },
  ],
  measure: ['time per step, p99', 'sagas that wait for a person, by step'],
  uncertainty:
    'Where choreography becomes hard to follow differs by team: four steps is experience.',
  sources: [sources.saga, sources.retries],
})

export const consistency = decision({
  id: 'consistency',
  title: 'Consistency across systems',
  rule: 'One database, one transaction; across systems an outbox with an inbox; across steps a saga. Never two writes and hope.',
  question: 'How do changes in more than one place agree?',
  version: '2026-11-21',
  related: ['outbox', 'saga', 'publish-before-commit'],
  options: {
    'one-transaction': {
      name: 'One database, one transaction',
      cost: 'what must change together must live together',
    },
    outbox: {
      name: 'Outbox and inbox: others follow within seconds',
      cost: 'others are behind by seconds, and see every fact at least once',
    },
    saga: {
      name: 'A saga with compensations',
      cost: 'intermediate states are visible, and each step needs its way back',
    },
    'two-phase': {
      name: 'Two-phase commit',
      cost: 'a coordinator that crashes leaves locks in every database',
      never: true,
    },
  },
  branches: [
    {
      when: below('databasesWritten', 2),
      pick: 'one-transaction',
      why: 'One database is written: a transaction is all of the consistency there is to have.',
    },
    {
      when: all(yes('answerNeeded'), above('steps', 1), yes('undoable')),
      pick: 'saga',
      why: 'The caller waits for all of it, in several systems, each of which can refuse: lead it step by step, with a way back.',
    },
    {
      when: all(yes('crossRowRules'), no('undoable')),
      pick: 'one-transaction',
      why: 'A rule over both sides that nothing can compensate: move what the rule spans into one database.',
    },
  ],
  otherwise: {
    pick: 'outbox',
    why: 'The fact commits with the change, and others are told until they have it: no moment in which one knows and nobody ever tells the other.',
  },
  notes: [
    {
      when: above('databasesWritten', 1),
      say: 'Read an outbox by a position that no commit can slip under: by created_at or by a bare sequence, rows that commit late are skipped (2,496 order errors in 9,205 commits by transaction id).',
    },
  ],
  flips: [{ at: 'a rule must hold at every moment across both stores', to: 'one-transaction' }],
  measure: [
    'age of the oldest fact not yet delivered, per consumer',
    'a reconciliation count between both systems, daily',
  ],
  uncertainty: 'How late is too late is a business answer: ask before you build.',
  sources: [sources.outboxRouter, sources.saga, sources.pgIsolation],
})

export const isolation = decision({
  id: 'isolation',
  title: 'Isolation level and locking',
  rule: 'SERIALIZABLE with retries where a rule spans rows; one guarded statement where it spans one; READ COMMITTED only by choice.',
  question: 'Which isolation level, and which locks?',
  version: '2026-11-21',
  related: ['check-then-act', 'transaction-timeout'],
  options: {
    serializable: {
      name: 'SERIALIZABLE, retried as a whole',
      cost: 'measured 7 to 15 % throughput and 1.4 % of attempts retried',
    },
    guarded: {
      name: 'READ COMMITTED with one guarded UPDATE (... WHERE stock >= $1)',
      cost: 'only where the whole rule fits one statement on one row',
    },
    'row-locks': {
      name: 'SELECT ... FOR UPDATE in a fixed order',
      cost: 'deadlocks where the order slips; rows that do not exist yet cannot be locked',
    },
    'hot-row': {
      name: 'A queue per key or counters in several rows',
      cost: 'reads sum several rows; more code',
    },
    'repeatable-read': {
      name: 'REPEATABLE READ, READ ONLY, for reports',
      cost: 'a long snapshot holds back vacuum',
    },
  },
  branches: [
    {
      when: above('hotRowWritesPerSecond', 200),
      pick: 'hot-row',
      why: 'One row takes a lock, a commit and a flush per write: some hundred a second is all it gives, at any isolation level.',
    },
    {
      when: yes('crossRowRules'),
      pick: 'serializable',
      why: 'A rule over several rows is broken by two transactions that each see it hold (write skew); only SERIALIZABLE sees that.',
    },
    {
      when: yes('moneyOrStock'),
      pick: 'guarded',
      why: 'The rule fits one row: let the UPDATE check what it changes, and look at the count of rows.',
    },
    {
      when: yes('longReports'),
      pick: 'repeatable-read',
      why: 'Several statements of one picture, nothing written.',
    },
  ],
  otherwise: {
    pick: 'guarded',
    why: 'Single-row changes that check what they change hold at every level.',
  },
  notes: [
    {
      when: above('hotRowWritesPerSecond', 20),
      say: 'Keep the transaction on the hot row short and last: writes per second on one row are at most one divided by the time from its lock to its commit.',
    },
    {
      when: yes('crossRowRules'),
      say: 'Retries must repeat the whole transaction from its reads, with nothing sent outside before the commit.',
    },
    {
      when: yes('longReports'),
      say: 'Give reports a statement timeout and a replica: a snapshot of an hour keeps an hour of dead rows in every table.',
    },
  ],
  flips: [
    { at: 'more than 5 % of attempts end in 40001 after the hot row is mended', to: 'row-locks' },
  ],
  measure: [
    'serialization failures (SQLSTATE 40001, 40P01) per command',
    'pg_stat_activity: wait_event_type = Lock, by query',
  ],
  uncertainty:
    'The cost of SERIALIZABLE was measured for one command; it grows with long transactions and sequential scans.',
  sources: [sources.pgIsolation, sources.pgLocking, sources.hermitage],
})
