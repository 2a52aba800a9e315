/** `holdfast/outbound`: calls to other services, with an end, a bound and a second try. */
export type { OutboundOptions } from './outbound/client-options.ts'
export {
  type CallOptions,
  type CallScope,
  OutboundClient,
  outbound,
} from './outbound/outbound-client.ts'
export { type Effect, mayHaveTakenEffect } from './outbound/outbound-error.ts'
export {
  type OutboundEvent,
  type OutboundListener,
  type OutboundState,
  onOutbound,
  outboundStates,
} from './outbound/outbound-event.ts'
export type { OutboundReply } from './outbound/outbound-reply.ts'
export type { OutboundRoute } from './outbound/route.ts'
