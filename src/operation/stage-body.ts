/**
 * A streamed input on its way into the database, before its command runs. What is held in memory is
 * at most one chunk that fills and one that is being written; the sender waits for the rest.
 *
 * States of a content: receiving -> sealed, or dropped where the body ends with a problem.
 */
import { equalBytes, RunningSha256 } from '../base/digest.ts'
import { uuidv7 } from '../base/id.ts'
import type { Statement } from '../database/statement.ts'
import { BEGIN, COMMIT } from '../database/transaction.ts'
import type { Scope } from '../runtime/scope.ts'
import { staging } from '../state/staging/staging.ts'
import { admit, authorize, limit, requireKey } from './admit.ts'
import { credentialStatements, operationContext } from './context.ts'
import { toProblem } from './failure.ts'
import { withHeaders } from './make-reply.ts'
import { builtinProblem, type ProblemError } from './problem.ts'
import type { RegisteredCommand } from './registered.ts'
import type { Reply } from './reply.ts'
import type { OperationRequest } from './request.ts'
import type { OperationRuntime } from './runtime.ts'
import type { StreamedInput } from './streamed-input.ts'

export interface StageRequest {
  readonly scope: Scope
  /** The body, piece by piece; asked for the next one when the last one has found its place. */
  readonly body: AsyncIterable<Uint8Array>
  readonly contentType: string
  /** What the caller says that the body hashes to. */
  readonly sha256?: Buffer | undefined
  readonly address?: string | undefined
}

/** What a command is asked with in place of the body. */
export interface Staged {
  /** Value of the streamed field. */
  readonly id: string
  /** Stands for the body in the fingerprint of an idempotency key. */
  readonly sha256: string
  /** Asks the command; what it did not take is dropped. */
  execute(request: OperationRequest, execute: ExecuteCommand): Promise<Reply>
}

type ExecuteCommand = (command: RegisteredCommand, request: OperationRequest) => Promise<Reply>

/** One statement of this size costs the server little more than its bytes, and a hundred senders little memory. */
const CHUNK_BYTES = 256 * 1024
/** Longer than any body may take to arrive; what is left behind by a crash goes then. */
const UNADOPTED_KEPT_MS = 2 * 3_600_000

/**
 * Refuses first what needs no body: who may not, who has asked too often, a key that is missing.
 * Throws what the body itself throws.
 */
export async function stageBody(
  runtime: OperationRuntime,
  command: RegisteredCommand,
  request: StageRequest,
): Promise<Staged | ProblemError> {
  const { scope } = request
  const streamed = command.contract.streamed as StreamedInput
  const content = new ReceivedContent(runtime, scope, request.contentType, streamed.bytesMax)
  try {
    admit(scope)
    const asked = { ...request, input: { ok: true, value: undefined }, rawInput: '' } as const
    const headers = await limit(runtime, command, asked)
    authorize(command, scope)
    requireKey(command.contract, scope)
    await content.receive(request.body)
    const sha256 = await content.seal(request.sha256)
    return {
      id: content.id,
      sha256: sha256.toString('hex'),
      async execute(operationRequest, execute) {
        // Counted once, before the body was read.
        const reply = await execute({ ...command, limit: undefined }, operationRequest)
        if (reply.status >= 400 || reply.replayed) await content.drop()
        return withHeaders(reply, headers)
      },
    }
  } catch (error) {
    await content.drop()
    if (error instanceof ForeignError) throw error.cause
    return toProblem(runtime, command.name, scope, error)
  }
}

/** Of the body, not of ours: the caller has gone away. */
class ForeignError extends Error {}

class ReceivedContent {
  readonly id = uuidv7()
  readonly #runtime: OperationRuntime
  readonly #scope: Scope
  readonly #contentType: string
  readonly #bytesMax: number
  readonly #digest = new RunningSha256()
  #filling: Uint8Array[] = []
  #fillingBytes = 0
  #received = 0
  /** Where the next chunk begins. */
  #at = 0
  #opened = false
  #writing: Promise<void> = Promise.resolve()

  constructor(runtime: OperationRuntime, scope: Scope, contentType: string, bytesMax: number) {
    this.#runtime = runtime
    this.#scope = scope
    this.#contentType = contentType
    this.#bytesMax = bytesMax
  }

  async receive(body: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces = body[Symbol.asyncIterator]()
    for (;;) {
      const piece = await pieces.next().catch((error) => {
        throw new ForeignError('The body has ended early.', { cause: error })
      })
      if (piece.done) return
      await this.#take(piece.value)
    }
  }

  async #take(piece: Uint8Array): Promise<void> {
    this.#received += piece.length
    if (this.#received > this.#bytesMax) throw tooLarge(this.#bytesMax)
    this.#digest.update(piece)
    this.#filling.push(piece)
    this.#fillingBytes += piece.length
    if (this.#fillingBytes < CHUNK_BYTES) return
    // One chunk may be on its way while the next one fills; a third one has no place.
    await this.#writing
    this.#writing = this.#write(this.#chunk())
    this.#writing.catch(() => {})
  }

  #chunk(): Statement[] {
    if (this.#fillingBytes === 0) return []
    const chunk = { at: this.#at, bytes: Buffer.concat(this.#filling, this.#fillingBytes) }
    this.#at += chunk.bytes.length
    this.#filling = []
    this.#fillingBytes = 0
    return [staging.append(this.id, chunk)]
  }

  async #write(statements: readonly Statement[]): Promise<void> {
    const { id, keptMs } = { id: this.id, keptMs: UNADOPTED_KEPT_MS }
    const first = this.#opened
      ? []
      : [...credentialStatements(this.#scope), this.#open({ id, keptMs })]
    this.#opened = true
    const context = operationContext(this.#facts(), 'write')
    await this.#runtime.pool.run([
      BEGIN['read committed'],
      context,
      ...first,
      ...statements,
      COMMIT,
    ])
  }

  #open(content: { readonly id: string; readonly keptMs: number }): Statement {
    return staging.open({ ...content, contentType: this.#contentType })
  }

  #facts() {
    const scope = this.#scope
    return { runtime: this.#runtime, request: { scope }, deadlineMs: scope.deadline.atMs }
  }

  /** The SHA-256 of the whole, once all of it is kept. */
  async seal(expected: Buffer | undefined): Promise<Buffer> {
    const sha256 = this.#digest.end()
    if (expected !== undefined && !equalBytes(expected, sha256)) throw digestDiffers()
    await this.#writing
    const seal = staging.seal(this.#scope.tenant, this.id, { bytes: this.#received, sha256 })
    await this.#write([...this.#chunk(), seal])
    return sha256
  }

  /** As well as can be: what stays behind expires. */
  async drop(): Promise<void> {
    await this.#writing.catch(() => {})
    if (this.#opened) await this.#write([staging.drop(this.id)]).catch(() => {})
  }
}

function tooLarge(bytesMax: number): ProblemError {
  return builtinProblem('payload-too-large', { detail: `The body may have ${bytesMax} bytes.` })
}

function digestDiffers(): ProblemError {
  return builtinProblem('malformed', {
    detail: 'The body is another than Content-Digest says: send it again.',
  })
}
