/**
 * The batches that an operation sends, as SQL. Each text comes from the function that the executor
 * takes it from, so that none can drift; values stay behind as $1, $2, ...
 */
import { apiKeyCheck } from '../access/api-key/check.ts'
import { checkStatement } from '../database/check.ts'
import { contextStatement, currentSchemaStatement } from '../database/context.ts'
import { BEGIN } from '../database/transaction.ts'
import { auditStatement } from '../state/audit/audit.ts'
import { appendEvents } from '../state/event/event.ts'
import {
  claimStatement,
  claimWithReply,
  keptReplyStatement,
  replyStatement,
} from '../state/idempotency/idempotency.ts'
import { enqueueJobs } from '../state/job/job.ts'
import type { RegisteredCommand, RegisteredOperation } from './registered.ts'

export interface ExplainedStatement {
  /** With $1, $2, ...; undefined: known only when the handler has run, see `when`. */
  readonly sql: string | undefined
  /** Undefined: always. */
  readonly when: string | undefined
}

/** Statements that travel together, in this order, under one Sync: one round trip. */
export interface ExplainedBatch {
  readonly name: string
  readonly when: string
  readonly statements: readonly ExplainedStatement[]
}

const TEXT = ''
const SAMPLE_ID = '00000000-0000-7000-8000-000000000000'
const check = apiKeyCheck(TEXT)
const claim = {
  tenant: TEXT,
  principal: TEXT,
  operation: TEXT,
  key: TEXT,
  fingerprint: Buffer.alloc(0),
  retentionMs: 1,
  check,
}
const reply = { status: 200, contentType: TEXT, headers: {}, body: TEXT }
const claimed = { rows: [{ ctid: '(0,1)' }], rowCount: 1, command: 'INSERT' }
const entry = {
  id: SAMPLE_ID,
  tenant: TEXT,
  actor: TEXT,
  operation: TEXT,
  outcome: TEXT,
  requestId: TEXT,
  traceId: TEXT,
  inputDigest: null,
  parent: null,
}
const event = { tenant: TEXT, id: SAMPLE_ID, name: TEXT, version: 1, payload: TEXT }
const job = {
  tenant: TEXT,
  id: SAMPLE_ID,
  name: TEXT,
  queue: TEXT,
  payload: TEXT,
  priority: 5,
  attemptsMax: 1,
}

function context(purpose: 'read' | 'write'): ExplainedStatement {
  const facts = { tenant: TEXT, actor: TEXT, remainingMs: 1, lockTimeoutMs: 1, purpose }
  return statement(contextStatement({ role: 'holdfast_app', ...facts }).text)
}

function statement(sql: string, when?: string): ExplainedStatement {
  return { sql, when }
}

function later(when: string): ExplainedStatement {
  return { sql: undefined, when }
}

const credential = statement(checkStatement(check).text, 'where the caller has an API key')
const withCredential = 'holdfast.api_keys is asked where the caller has an API key'
const commit = statement('COMMIT')
const snapshotCheck = currentSchemaStatement.text
const beginRead = statement('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')

export function explainBatches(operation: RegisteredOperation): readonly ExplainedBatch[] {
  if (operation.kind === 'command') return commandBatches(operation)
  return operation.kind === 'query' ? queryBatches : []
}

function commandBatches(command: RegisteredCommand): readonly ExplainedBatch[] {
  const keyed = command.contract.idempotency === 'required'
  return [
    openingBatch(command, keyed),
    closingBatch(command, keyed),
    refusalBatch(command, keyed),
    ...(keyed ? [replayBatch] : []),
  ]
}

function openingBatch(command: RegisteredCommand, keyed: boolean): ExplainedBatch {
  const claiming = keyed ? statement(claimStatement(claim, 1).text, withCredential) : credential
  const statements = [
    statement(BEGIN[command.isolation].text),
    context('write'),
    claiming,
    later('the first statements of the handler'),
  ]
  return { name: 'opening', when: 'with the first statement of the handler', statements }
}

/** READ COMMITTED keeps no snapshot that could be too old. */
function checked({ isolation }: RegisteredCommand): readonly ExplainedStatement[] {
  return isolation === 'read committed' ? [] : [statement(snapshotCheck)]
}

function closingBatch(command: RegisteredCommand, keyed: boolean): ExplainedBatch {
  const statements = [
    later('what the handler deferred'),
    statement(auditStatement([entry]).text, 'one row more for each command called inside'),
    statement(enqueueJobs([job]).text, 'where the handler enqueued jobs'),
    statement(appendEvents([event]).text, 'where the handler stated events'),
    ...(keyed ? [statement(replyStatement(claim, claimed, reply).text)] : []),
    ...checked(command),
    commit,
  ]
  return { name: 'closing', when: 'once the handler has returned', statements }
}

function refusalBatch(command: RegisteredCommand, keyed: boolean): ExplainedBatch {
  const statements = [
    ...checked(command),
    statement('ROLLBACK'),
    statement(BEGIN['read committed'].text),
    context('write'),
    keyed ? statement(claimWithReply(claim, reply, 1).text, withCredential) : credential,
    statement(auditStatement([entry]).text),
    commit,
  ]
  const when =
    'in place of the closing batch, where the handler refused with a problem that is kept'
  return { name: 'refusal', when, statements }
}

const replayBatch: ExplainedBatch = {
  name: 'replay',
  when: 'where the claim has met a key that was used before (SQLSTATE 23505)',
  statements: [
    statement(BEGIN['read committed'].text),
    context('read'),
    credential,
    statement(keptReplyStatement(claim).text),
    commit,
  ],
}

const queryBatches: readonly ExplainedBatch[] = [
  {
    name: 'reading',
    when: 'with the statements of the first tick; one statement alone needs no BEGIN and no COMMIT',
    statements: [
      { ...beginRead, when: 'where there are several' },
      context('read'),
      credential,
      later('the statements of the handler'),
      statement(snapshotCheck, 'where there are several'),
      { ...commit, when: 'where there are several' },
    ],
  },
]
