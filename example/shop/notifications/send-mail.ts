import { sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import type { Call } from '../../../src/operation/unit-of-work-types.ts'
import { GetOrder } from '../ordering/contract.ts'
import { PaymentMoved } from '../payments/contract.ts'
import { orderId, paymentId, shipmentId } from '../shared/boundary-id.ts'
import { GetShipment, ShipmentMoved } from '../shipping/contract.ts'
import { shop } from '../shop.ts'
import {
  FindMail,
  RecordMail,
  SendConfirmation,
  SendReceipt,
  SendShippingNotice,
} from './contract.ts'
import type { Mail, Mailer } from './mailer.ts'
import { confirmationMail, receiptMail, shippingMail } from './mails.ts'

export const sendConfirmation = shop.handle(SendConfirmation, {
  async act({ payload: { order_id }, call, scope, services, signal }) {
    await sendOnce({ call, signal, ...services }, `order-confirmation/${order_id}`, async () => {
      const order = await call(GetOrder, { id: orderId.ids.encode(order_id) })
      return confirmationMail(order, scope.tenant)
    })
  },
})

export const sendShippingNotice = shop.handle(SendShippingNotice, {
  async act({ payload: { shipment_id }, call, scope, services, signal }) {
    await sendOnce({ call, signal, ...services }, `shipping-notice/${shipment_id}`, async () => {
      const shipment = await call(GetShipment, { id: shipmentId.ids.encode(shipment_id) })
      const order = await call(GetOrder, { id: shipment.order_id })
      return shippingMail(shipment, order, scope.tenant)
    })
  },
})

export const sendReceipt = shop.handle(SendReceipt, {
  async act({ payload, call, scope, services, signal }) {
    await sendOnce({ call, signal, ...services }, `receipt/${payload.payment_id}`, async () => {
      const order = await call(GetOrder, { id: orderId.ids.encode(payload.order_id) })
      const payment_id = paymentId.ids.encode(payload.payment_id)
      return receiptMail({ ...payload, payment_id }, order, scope.tenant)
    })
  },
})

export const receiptPayments = shop.subscribe(PaymentMoved, {
  name: 'notifications.receipt-payments',
  isolation: 'read committed',
  run({ event, tx }) {
    const { payment_id, order_id, status, amount_minor, currency } = event.payload
    if (status !== 'captured') return
    tx.enqueue(SendReceipt, { payment_id, order_id, amount_minor, currency })
  },
})

export const noticeShipments = shop.subscribe(ShipmentMoved, {
  name: 'notifications.notice-shipments',
  isolation: 'read committed',
  run({ event, tx }) {
    const { shipment_id, status } = event.payload
    if (status === 'handed_over') tx.enqueue(SendShippingNotice, { shipment_id })
  },
})

interface Means {
  readonly call: Call
  readonly mailer: Mailer
  readonly signal: AbortSignal
}

/**
 * Sends, then notes that it was sent. A crash between the two, or a reply of the mail server that is
 * lost, sends a second copy with the same Message-ID: mail has no transaction to join.
 */
async function sendOnce(
  { call, mailer, signal }: Means,
  cause: string,
  compose: () => Promise<Mail>,
): Promise<void> {
  const { sent_at } = await call(FindMail, { cause })
  if (sent_at !== null) return
  const mail = await compose()
  await mailer.send(mail, signal)
  await call(RecordMail, { cause, message_id: mail.messageId, recipient: mail.to })
}

export const findMail = shop.handle(FindMail, {
  allow: may('notifications:read'),
  async run({ input, tx }) {
    const sent = await tx.db
      .selectFrom('sent_mails')
      .select('sent_at')
      .where('cause', '=', input.cause)
      .executeTakeFirst()
    return { sent_at: sent?.sent_at ?? null }
  },
})

export const recordMail = shop.handle(RecordMail, {
  allow: may('notifications:write'),
  run({ input, tx }) {
    const { cause, message_id, recipient } = input
    tx.defer(sql`
      INSERT INTO sent_mails (cause, message_id, recipient)
      VALUES (${cause}, ${message_id}, ${recipient})
      ON CONFLICT (tenant_id, cause) DO NOTHING`)
    return {}
  },
})
