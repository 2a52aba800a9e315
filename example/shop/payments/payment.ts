/** Payments as rows, and the jobs that see them through. */

import type { Clock } from '../../../src/base/clock.ts'
import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import type { UnitOfWork } from '../../../src/operation/unit-of-work-types.ts'
import { instant } from '../shared/instant.ts'
import { AdvancePayment, type Payment, ReconcilePayment } from './contract.ts'
import type { PaymentGoal, PaymentStatus } from './payment-states.ts'

export type PaymentRow = InputOf<typeof Payment>

/** What decides about the next step. */
export interface PaymentProgress {
  readonly status: PaymentStatus
  readonly goal: PaymentGoal
}

/** Longer than a step takes when all is well, so that a payment is seldom asked about. */
const FIRST_RECONCILE_MS = 30_000
const RECONCILE_MS_MAX = 15 * 60_000

/** Now the next step; later, should it come to nothing, a look at what has become of it. */
export function seeThrough(
  tx: Pick<UnitOfWork<object>, 'enqueue'>,
  clock: Clock,
  payment: { readonly id: string } & PaymentProgress,
  round = 1,
): void {
  const { id: payment_id, status, goal } = payment
  // A key for each step: of one key a job waits for the one that runs.
  tx.enqueue(AdvancePayment, { payment_id }, { key: `${payment_id} ${status} ${goal}` })
  const delayMs = Math.min(FIRST_RECONCILE_MS * 2 ** (round - 1), RECONCILE_MS_MAX)
  const runAt = instant(clock.now() + delayMs)
  tx.enqueue(ReconcilePayment, { payment_id, round }, { runAt })
}

export function selectProgress(id: string): Sql<PaymentProgress> {
  return sql<PaymentProgress>`SELECT status, goal FROM payments WHERE id = ${id}`
}
