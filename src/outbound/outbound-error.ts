/** What went wrong with a call, and whether it may have taken effect all the same. */
import { type FaultCode, HoldfastError, isFault } from '../base/fault.ts'

/** `none`: nothing arrived, or it was turned away. `unknown`: it may have been done. */
export type Effect = 'none' | 'unknown'

export interface FailureFacts {
  readonly client: string
  /** `POST /v1/payments/{id}`: never the values. */
  readonly route: string
  readonly effect: Effect
  readonly status?: number | undefined
}

export type OutboundCode = Extract<FaultCode, `HF_OUTBOUND_${string}`>

export function outboundError(
  code: OutboundCode,
  facts: FailureFacts,
  message: string,
  cause?: unknown,
): HoldfastError {
  const { client, route } = facts
  return new HoldfastError(code, `${client}, ${route}: ${message}.`, { cause, facts: { ...facts } })
}

/**
 * Whether a call that ended with this error may have been carried out. Whatever is not known to have
 * stayed without effect may have had one.
 */
export function mayHaveTakenEffect(error: unknown): boolean {
  if (isFault(error, 'HF_OUTBOUND_IN_TRANSACTION')) return false
  return !(error instanceof HoldfastError) || error.facts.effect !== 'none'
}
