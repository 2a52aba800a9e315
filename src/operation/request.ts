import type { Parsed } from '../base/schema.ts'
import type { Scope } from '../runtime/scope.ts'

/** What a transport asks: who, under which conditions, with what. */
export interface OperationRequest {
  readonly scope: Scope
  /** One input from path, query and body; what could not be put together is told at the parse step,
   *  after the caller was found to be allowed to ask at all. */
  readonly input: Parsed<unknown>
  /** The raw request, for the fingerprint of an idempotency key. */
  readonly rawInput: string | Uint8Array
  /** The entity-tag that the caller has seen, unquoted, or `*`. */
  readonly ifMatch?: string | undefined
  /** Where the request came from, for limits by address. */
  readonly address?: string | undefined
}
