/**
 * The states of a payment and the one way through them.
 *
 *   pending -> authorized -> captured -> refunded
 *          \-> declined  \-> voided
 *
 * A payment is *decided* when nothing is left to do for its goal: charged, given back, or refused.
 */
export type PaymentStatus =
  | 'pending'
  | 'authorized'
  | 'declined'
  | 'captured'
  | 'voided'
  | 'refunded'

/** What we want: the money, or, once the order was cancelled, nothing of it. */
export type PaymentGoal = 'paid' | 'released'

/** What is asked of the provider. */
export type PaymentStep = 'authorize' | 'capture' | 'void' | 'refund'

const after: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'declined'],
  authorized: ['captured', 'voided'],
  declined: [],
  captured: ['refunded'],
  voided: [],
  refunded: [],
}

/** Whether the provider can have got there; states between may not have been heard of. */
export function canReach(from: PaymentStatus, to: PaymentStatus): boolean {
  return after[from].some((next) => next === to || canReach(next, to))
}

const steps: Readonly<Record<PaymentGoal, Partial<Record<PaymentStatus, PaymentStep>>>> = {
  paid: { pending: 'authorize', authorized: 'capture' },
  // What was begun is brought to an end that is known, then undone: a request may still be under way.
  released: { pending: 'authorize', authorized: 'void', captured: 'refund' },
}

/** The next step to the goal; undefined where the payment is decided. */
export function nextStep(status: PaymentStatus, goal: PaymentGoal): PaymentStep | undefined {
  return steps[goal][status]
}

/** What the customer's order shows. */
export function orderPaymentStatus(
  status: PaymentStatus,
): 'pending' | 'paid' | 'declined' | 'voided' | 'refunded' {
  if (status === 'captured') return 'paid'
  return status === 'authorized' ? 'pending' : status
}
