/** The mails of the shop, as text and as HTML with the same words. */
import type { OutputOf } from '../../../src/base/schema.ts'
import type { Order } from '../ordering/contract.ts'
import { formatMoney } from '../shared/money.ts'
import type { Shipment } from '../shipping/contract.ts'
import { type Html, html } from './html.ts'
import type { Mail } from './mailer.ts'

type OrderFacts = OutputOf<typeof Order>
type ShipmentFacts = OutputOf<typeof Shipment>

interface Letter {
  readonly subject: string
  readonly opening: string
  readonly rows: readonly (readonly [what: string, amount: string])[]
  readonly closing: string
}

export function confirmationMail(order: OrderFacts, tenant: string): Mail {
  const letter: Letter = {
    subject: `Your order ${order.id}`,
    opening: 'Thank you. This is what you have ordered:',
    rows: [...linesOf(order), ['Total', formatMoney(order.total_minor, order.currency)]],
    closing: 'We write again when it is on its way.',
  }
  return mailOf(letter, order, tenant, order.id)
}

export function shippingMail(shipment: ShipmentFacts, order: OrderFacts, tenant: string): Mail {
  const { carrier, tracking_code: code } = shipment
  const letter: Letter = {
    subject: `Your order ${order.id} is on its way`,
    opening: `${carrier} has taken over what you have ordered:`,
    rows: linesOf(order),
    closing: code === null ? 'It comes without a tracking code.' : `The tracking code is ${code}.`,
  }
  return mailOf(letter, order, tenant, shipment.id)
}

interface PaymentFacts {
  /** As callers know it. */
  readonly payment_id: string
  readonly amount_minor: number
  readonly currency: string
}

export function receiptMail(payment: PaymentFacts, order: OrderFacts, tenant: string): Mail {
  const { payment_id, amount_minor, currency } = payment
  const letter: Letter = {
    subject: `Your payment for order ${order.id}`,
    opening: 'Thank you. We have received your payment for this:',
    rows: [...linesOf(order), ['Paid', formatMoney(amount_minor, currency)]],
    closing: `The number of the payment is ${payment_id}.`,
  }
  return mailOf(letter, order, tenant, payment_id)
}

function linesOf({ lines, currency }: OrderFacts): Letter['rows'] {
  return lines.map(({ quantity, name, sku, line_total_minor }) => [
    `${quantity} x ${name} (${sku})`,
    formatMoney(line_total_minor, currency),
  ])
}

/**
 * To the customer; an order that names no address goes to the order desk of the tenant. What the mail
 * is about gives its Message-ID: each try has the same.
 */
function mailOf(letter: Letter, { email }: OrderFacts, tenant: string, about: string): Mail {
  const domain = `${tenant}.shop.example`
  const { subject, opening, rows, closing } = letter
  const lines = rows.map(([what, amount]) => `${what}: ${amount}`)
  return {
    to: email ?? `orders@${domain}`,
    subject,
    text: [opening, '', ...lines, '', closing, ''].join('\n'),
    html: page(letter).text,
    messageId: `<${about}@${domain}>`,
  }
}

function page({ subject, opening, rows, closing }: Letter): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head><body>
<p>${opening}</p>
<table>
${rows.map(([what, amount]) => html`<tr><td>${what}</td><td align="right">${amount}</td></tr>\n`)}</table>
<p>${closing}</p>
</body></html>
`
}
