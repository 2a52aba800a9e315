/** The stored reply of a key that was used before, byte for byte. */
import { equalBytes } from '../base/digest.ts'
import type { Transaction } from '../database/transaction.ts'
import {
  keptReply,
  keptReplyStatement,
  removeExpiredStatement,
} from '../state/idempotency/idempotency.ts'
import type { CommandRun } from './command-run.ts'
import { credentialStatements, operationContext } from './context.ts'
import { builtinProblem } from './problem.ts'
import type { Reply } from './reply.ts'

/**
 * Ends the transaction whose claim was refused, and reads what was kept in the same trip.
 * Undefined where the key has expired, or is gone: the command may run.
 */
export async function replay(run: CommandRun, tx: Transaction): Promise<Reply | undefined> {
  const { claim } = run
  if (claim === undefined) return undefined
  const prefix = [operationContext(run, 'read'), ...credentialStatements(run.request.scope)]
  const results = await tx.rollbackAndRead([...prefix, keptReplyStatement(claim)])
  const kept = keptReply(results.at(-1))
  if (kept === undefined) return undefined
  if (kept.expired) return forget(run)
  if (!equalBytes(kept.fingerprint, claim.fingerprint))
    throw builtinProblem('idempotency-key-reused')
  const { status, contentType, headers, body } = kept
  if (run.command.contract.secret && status < 400) throw builtinProblem('reply-not-kept')
  return { status, contentType, headers, body, replayed: true }
}

async function forget(run: CommandRun): Promise<undefined> {
  if (run.claim === undefined) return
  const context = operationContext(run, 'write')
  await run.runtime.pool.run([context, removeExpiredStatement(run.claim)], { retryLost: true })
}
