import { sql } from '../../../src/database/sql.ts'
import { OrderCancelled } from '../ordering/contract.ts'
import { shop } from '../shop.ts'
import { seeThrough } from './payment.ts'
import type { PaymentStatus } from './payment-states.ts'
import { nextStep } from './payment-states.ts'

/** An order cannot be paid for once it is cancelled, so whatever payment it has is here by now. */
export const releaseCancelled = shop.subscribe(OrderCancelled, {
  name: 'payments.release-cancelled',
  // One guarded UPDATE.
  isolation: 'read committed',
  async run({ event, tx, scope }) {
    const payment = await tx.maybeOne(sql<{ id: string; status: PaymentStatus }>`
      UPDATE payments SET goal = 'released', updated_at = now()
      WHERE order_id = ${event.payload.order_id} AND status <> 'declined' AND goal = 'paid'
      RETURNING id, status`)
    if (payment === undefined || nextStep(payment.status, 'released') === undefined) return
    seeThrough(tx, scope.clock, { ...payment, goal: 'released' })
  },
})
