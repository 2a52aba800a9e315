/** `tx.call`: another command inside the same transaction, with its own policy and audit entry. */
import { HoldfastError } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import { markAnswered } from '../runtime/answered-failures.ts'
import { authorize, parseInput } from './admit.ts'
import type { CommandContract } from './contract.ts'
import { declaredOutcome } from './failure.ts'
import type { Isolation } from './handler.ts'
import { calledInSpan } from './in-span.ts'
import { cutToOutput } from './make-reply.ts'
import type { RegisteredCommand } from './registered.ts'
import { runInside } from './run-handler.ts'
import { nestedUnit, type Unit } from './unit.ts'
import type { VersionOptions } from './unit-of-work-types.ts'

/** Commands that call each other without an end are found here, not by the stack. */
const DEPTH_MAX = 16

export async function callInUnit(
  unit: Unit,
  contract: CommandContract,
  input: unknown,
  { ifMatch }: VersionOptions,
): Promise<unknown> {
  const { owner } = unit
  const command = registered(unit, contract)
  assertIsolated(command, unit)
  assertVersioned(command, ifMatch)
  authorize(command, owner.scope)
  const parsed = await parseInput(command, input)
  const inner = nestedUnit(unit, {
    ...owner,
    module: command.module,
    name: command.name,
    auditId: uuidv7(),
  })
  const output = await runToEnd(command, inner, parsed, ifMatch)
  unit.audit.push(entryOf(inner, owner.auditId))
  return output
}

/** What a call has done before it failed must not be committed by a caller that goes on. */
async function runToEnd(
  command: RegisteredCommand,
  unit: Unit,
  input: unknown,
  ifMatch: string | undefined,
): Promise<unknown> {
  const { buffers, transaction } = unit
  buffers.constraints.push(command.constraints)
  buffers.callsOpen++
  try {
    const run = () => runCalled(command, unit, input, ifMatch)
    return await cutToOutput(command, await calledInSpan(command, unit.owner.scope, run))
  } catch (error) {
    const failure = declaredOutcome(error, [command.constraints], buffers) ?? error
    transaction.fail(failure)
    markAnswered(failure)
    throw failure
  } finally {
    buffers.callsOpen--
  }
}

const STRENGTH: Readonly<Record<Isolation, number>> = {
  'read committed': 0,
  'repeatable read': 1,
  serializable: 2,
}

/** A command keeps what it relies on, whoever calls it. */
function assertIsolated(
  { name, isolation }: RegisteredCommand,
  { transaction, owner }: Unit,
): void {
  const given = transaction.isolation
  if (STRENGTH[given] >= STRENGTH[isolation]) return
  const message = `${owner.name} runs ${given} and calls ${name}, which asks for ${isolation}.`
  throw new HoldfastError('HF_ISOLATION_WEAKER', message)
}

/** Who calls from outside is answered 428; here it is the calling code that has left it out. */
function assertVersioned({ contract, name }: RegisteredCommand, ifMatch: string | undefined): void {
  if (contract.ifMatch !== 'required' || ifMatch !== undefined) return
  const message = `tx.call: ${name} asks for the version that was seen: pass { ifMatch }.`
  throw new HoldfastError('HF_APP_INVALID', message)
}

function registered(unit: Unit, contract: CommandContract): RegisteredCommand {
  const found = unit.owner.runtime.registry.operations.get(contract.name)
  if (found?.kind !== 'command') {
    throw new HoldfastError('HF_APP_INVALID', `tx.call: no command is named "${contract.name}".`)
  }
  if (unit.depth < DEPTH_MAX) return found
  throw new HoldfastError('HF_APP_INVALID', `tx.call: more than ${DEPTH_MAX} calls deep.`)
}

function runCalled(
  command: RegisteredCommand,
  unit: Unit,
  input: unknown,
  ifMatch: string | undefined,
): Promise<unknown> {
  const { scope, runtime } = unit.owner
  const { services } = runtime
  const facts = { operation: command.name, input, scope }
  return runInside(command.around, facts, () =>
    command.handler.run({ input, tx: unit.tx, scope, fail: command.fail, services, ifMatch }),
  )
}

function entryOf(unit: Unit, parent: string | null) {
  const { scope, name, auditId } = unit.owner
  return {
    id: auditId as string,
    tenant: scope.tenant,
    actor: scope.principal.id,
    operation: name,
    outcome: 'ok',
    requestId: scope.requestId,
    traceId: scope.trace.traceId,
    inputDigest: null,
    parent,
  }
}
