/**
 * The life of a command: everything that it did commits together, or nothing of it.
 *
 * Round trips: k awaited statements of the handler cost k + 1, none costs one, a replay two.
 * Only outcomes of `run` are kept under the key: never 401, 403, 422, 429, 500 or 503.
 */
import { currentSchemaStatement } from '../database/context.ts'
import { commitTransaction, isInDoubt, runTransaction } from '../database/run-transaction.ts'
import { isRetryable } from '../database/sqlstate.ts'
import type { Rows, Statement } from '../database/statement.ts'
import type { OpeningStage, Transaction, TransactionOptions } from '../database/transaction.ts'
import type { Phase } from '../runtime/telemetry/work-meter.ts'
import { auditStatement } from '../state/audit/audit.ts'
import {
  claimStatement,
  claimWithReply,
  isKeyBusy,
  isKeyTaken,
  replyStatement,
} from '../state/idempotency/idempotency.ts'
import { admit, authorize, limit, parse, requireKey, requireVersion } from './admit.ts'
import { auditOf, type CommandRun, openRun } from './command-run.ts'
import { credentialStatements, operationContext } from './context.ts'
import { declaredOutcome, toProblem } from './failure.ts'
import { cutToOutput, makeReply, NO_HEADERS, withHeaders } from './make-reply.ts'
import { builtinProblem, type ProblemError, problemReply } from './problem.ts'
import type { RegisteredCommand } from './registered.ts'
import { replay } from './replay.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import { runInside } from './run-handler.ts'
import type { OperationRuntime } from './runtime.ts'
import { closeUnit, openUnitFor, type Unit } from './unit.ts'

export async function executeCommand(
  runtime: OperationRuntime,
  command: RegisteredCommand,
  request: OperationRequest,
): Promise<Reply> {
  let headers = NO_HEADERS
  try {
    admit(request.scope)
    headers = await limit(runtime, command, request)
    authorize(command, request.scope)
    requireKey(command.contract, request.scope)
    requireVersion(command.contract, request)
    const input = await parse(command, request)
    const reply = await runOrReplay(openRun(runtime, command, request, input))
    return withHeaders(reply, headers)
  } catch (error) {
    const problem = toProblem(runtime, command.name, request.scope, error)
    return withHeaders(problemReply(problem, request.scope), headers)
  }
}

/** An expired key is freed, a lost COMMIT is asked again by its key: both are one more turn. */
const TURNS_MAX = 4

async function runOrReplay(run: CommandRun): Promise<Reply> {
  for (let turn = 1; ; turn++) {
    try {
      return await runInTransaction(run)
    } catch (error) {
      if (isKeyBusy(error)) throw builtinProblem('idempotency-in-progress', { cause: error })
      if (turn === TURNS_MAX || !isAnsweredByKey(run, error)) throw error
    }
  }
}

function isAnsweredByKey(run: CommandRun, error: unknown): boolean {
  return run.claim !== undefined && (isKeyTaken(error) || isInDoubt(error))
}

async function runInTransaction(run: CommandRun): Promise<Reply> {
  const options = transactionOptions(run)
  return runTransaction(run.runtime.pool, options, (tx) => attempt(run, tx, options))
}

/** One run of the handler, from its first statement to COMMIT. */
async function attempt(
  run: CommandRun,
  tx: Transaction,
  options: TransactionOptions,
): Promise<Reply> {
  const unit = openUnitFor(run.owner, tx)
  unit.buffers.constraints.push(run.command.constraints)
  try {
    enter(run, 'run')
    const output = await cutToOutput(run.command, await runHandler(run, unit))
    run.reply = makeReply(run.command, output)
    closeUnit(unit, [...unit.audit, auditOf(run, 'ok')])
    tx.beforeCommit((opening) => storedReply(run, opening))
    enter(run, 'commit')
    await commitTransaction(run.runtime.pool, tx, options)
    wakeLoops(run, unit)
    return run.reply
  } catch (error) {
    const failure = stronger(tx, error)
    // What was asked for and not awaited is not sent any more.
    tx.fail(failure)
    const problem = declaredOutcome(failure, unit.buffers.constraints, unit.buffers)
    return await (problem === undefined
      ? kept(run, tx, failure)
      : refuse(run, tx, problem).catch((second) => kept(run, tx, second)))
  }
}

function enter({ runtime, request }: CommandRun, phase: Phase): void {
  request.scope.meter.enter(phase, runtime.clock.monotonicMs())
}

/** 7. run: the user's code, with whatever goes around it. */
async function runHandler(run: CommandRun, unit: Unit): Promise<unknown> {
  const { command, request } = run
  // Plain values are frozen; a date or a map cannot be, and a run may have changed it.
  const input = run.runs++ === 0 ? run.input : await parse(command, request)
  const { scope, ifMatch } = request
  const { services } = run.runtime
  return runInside(command.around, { operation: command.name, input, scope }, () =>
    command.handler.run({ input, tx: unit.tx, scope, fail: command.fail, services, ifMatch }),
  )
}

/** A handler may have caught an error after which only another run, or a replay, is right. */
function stronger(tx: Transaction, error: unknown): unknown {
  const { failure } = tx
  // A lost COMMIT was resolved on the way here: its error tells more than the failure does.
  if (isInDoubt(failure)) return error
  return isRetryable(failure) || isKeyTaken(failure) || isKeyBusy(failure) ? failure : error
}

/** A declared problem: the work is undone; the refusal, its audit entry and its key are kept. */
async function refuse(run: CommandRun, tx: Transaction, problem: ProblemError): Promise<Reply> {
  if (!problem.stored) throw problem
  run.reply = problemReply(problem, run.request.scope)
  await tx.rollbackAndStore([auditStatement([auditOf(run, problem.code)])])
  return run.reply
}

/** What was kept under a key that was used before; any other failure goes on. */
async function kept(run: CommandRun, tx: Transaction, failure: unknown): Promise<Reply> {
  const reply = isKeyTaken(failure) ? await replay(run, tx) : undefined
  if (reply === undefined) throw failure
  return reply
}

function transactionOptions(run: CommandRun): TransactionOptions & { attemptsMax: number } {
  const { command, runtime, claim } = run
  const { scope } = run.request
  return {
    isolation: command.isolation,
    attemptsMax: command.attemptsMax,
    deadlineMs: run.deadlineMs,
    signal: scope.signal,
    inDoubt: claim === undefined ? 'xid' : 'caller',
    snapshotCheck: currentSchemaStatement,
    observed: scope,
    stacks: runtime.stacks,
    opening: (stage) => [operationContext(run, 'write'), ...claimed(run, stage)],
  }
}

/** 6. claim, behind the context. */
const CLAIM_PLACE = 1

function claimed(run: CommandRun, stage: OpeningStage): readonly Statement[] {
  const { claim, reply } = run
  if (claim === undefined) return credentialStatements(run.request.scope)
  const remainingMs = run.deadlineMs - run.runtime.clock.monotonicMs()
  if (stage === 'single' && reply) return [claimWithReply(claim, toKeep(run, reply), remainingMs)]
  return [claimStatement(claim, remainingMs)]
}

/** Where BEGIN and COMMIT shared one batch, the claim has carried the reply already. */
function storedReply(run: CommandRun, opening: readonly Rows[] | undefined): readonly Statement[] {
  if (run.claim === undefined || run.reply === undefined || opening === undefined) return []
  return [replyStatement(run.claim, opening[CLAIM_PLACE], toKeep(run, run.reply))]
}

/** A secret is told once: that it was is all that is kept. */
function toKeep({ command }: CommandRun, reply: Reply): Reply {
  const { secret } = command.contract
  return secret && reply.status < 400 ? { ...reply, headers: NO_HEADERS, body: '' } : reply
}

function wakeLoops(run: CommandRun, unit: Unit): void {
  const events = unit.buffers.events.length > 0
  const jobs = unit.buffers.jobs.length > 0
  if (events || jobs) run.runtime.wake({ events, jobs })
}
