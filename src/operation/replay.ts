/** The stored reply of a key that was used before, byte for byte. */
import { equalBytes } from '../base/digest.ts'
import {
  keptReply,
  keptReplyStatement,
  removeExpiredStatement,
} from '../state/idempotency/idempotency.ts'
import type { CommandRun } from './command-run.ts'
import { credentialStatements, operationContext } from './context.ts'
import { builtinProblem } from './problem.ts'
import type { Reply } from './reply.ts'

/** Undefined where the key has expired, or is gone: the command may run. */
export async function replay(run: CommandRun): Promise<Reply | undefined> {
  const { claim, runtime } = run
  if (claim === undefined) return undefined
  const prefix = [operationContext(run, 'read'), ...credentialStatements(run.request.scope)]
  const statements = [...prefix, keptReplyStatement(claim)]
  const results = await runtime.pool.run(statements, { retryLost: true })
  const kept = keptReply(results.at(-1))
  if (kept === undefined) return undefined
  if (kept.expired) return forget(run)
  if (!equalBytes(kept.fingerprint, claim.fingerprint))
    throw builtinProblem('idempotency-key-reused')
  const { status, contentType, headers, body } = kept
  return { status, contentType, headers, body, replayed: true }
}

async function forget(run: CommandRun): Promise<undefined> {
  if (run.claim === undefined) return
  const context = operationContext(run, 'write')
  await run.runtime.pool.run([context, removeExpiredStatement(run.claim)], { retryLost: true })
}
