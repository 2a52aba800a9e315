import type { OutputOf } from '../../../src/base/schema.ts'
import { sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { GetOrder, type Order } from '../ordering/contract.ts'
import { orderId } from '../shared/boundary-id.ts'
import { formatMoney } from '../shared/money.ts'
import { shop } from '../shop.ts'
import { FindConfirmation, RecordConfirmation, SendConfirmation } from './contract.ts'
import type { Mail } from './mailer.ts'

/**
 * Sends, then notes that it was sent. A crash between the two sends a second copy with the same
 * Message-ID: mail has no transaction to join.
 */
export const sendConfirmation = shop.handle(SendConfirmation, {
  async act({ payload, call, scope, services, signal }) {
    const { sent_at } = await call(FindConfirmation, payload)
    if (sent_at !== null) return
    const order = await call(GetOrder, { id: orderId.ids.encode(payload.order_id) })
    const mail = confirmationMail(order, scope.tenant)
    await services.mailer.send(mail, signal)
    await call(RecordConfirmation, {
      order_id: payload.order_id,
      message_id: mail.messageId,
      recipient: mail.to,
    })
  },
})

export const findConfirmation = shop.handle(FindConfirmation, {
  allow: may('notifications:read'),
  async run({ input, tx }) {
    const sent = await tx.db
      .selectFrom('confirmations')
      .select('sent_at')
      .where('order_id', '=', input.order_id)
      .executeTakeFirst()
    return { sent_at: sent?.sent_at ?? null }
  },
})

export const recordConfirmation = shop.handle(RecordConfirmation, {
  allow: may('notifications:write'),
  run({ input, tx }) {
    const { order_id, message_id, recipient } = input
    tx.defer(sql`
      INSERT INTO confirmations (order_id, message_id, recipient)
      VALUES (${order_id}, ${message_id}, ${recipient})
      ON CONFLICT (tenant_id, order_id) DO NOTHING`)
    return {}
  },
})

/** To the customer; an order that names no address is confirmed to the order desk of the tenant. */
export function confirmationMail(order: OutputOf<typeof Order>, tenant: string): Mail {
  const domain = `${tenant}.shop.example`
  const lines = order.lines.map((line) => {
    const total = formatMoney(line.line_total_minor, order.currency)
    return `${line.quantity} x ${line.name} (${line.sku}): ${total}`
  })
  return {
    to: order.email ?? `orders@${domain}`,
    subject: `Your order ${order.id}`,
    text: [...lines, '', `Total: ${formatMoney(order.total_minor, order.currency)}`, ''].join('\n'),
    messageId: `<${order.id}@${domain}>`,
  }
}
