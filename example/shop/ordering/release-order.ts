import { may } from '../../../src/operation/rule.ts'
import { SendConfirmation } from '../notifications/contract.ts'
import { shop } from '../shop.ts'
import { ReleaseOrder } from './contract.ts'

export const releaseOrder = shop.handle(ReleaseOrder, {
  allow: may('orders:release'),
  // The status is guarded in the statement that changes it.
  isolation: 'read committed',
  async run({ input, tx, fail }) {
    const released = await tx.db
      .updateTable('orders')
      .set({ status: 'placed' })
      .where('id', '=', input.id)
      .where('status', '=', 'held')
      .returning('id')
      .executeTakeFirst()
    if (released === undefined) throw fail.orderNotHeld()
    tx.enqueue(SendConfirmation, { order_id: input.id })
    return {}
  },
})
