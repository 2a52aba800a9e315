/** Mails of the shop over SMTP: at least once, one Message-ID for each cause, also where SMTP is down. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { until } from '../../../test/until.ts'
import type { SunkMail } from '../smtp-sink.ts'
import { type SmtpSink, startSmtpSink } from '../smtp-sink-process.ts'
import { payFor, testShop } from '../test-shop.ts'
import { html } from './html.ts'
import { smtpMailer } from './mailer.ts'
import { confirmationMail, receiptMail, shippingMail } from './mails.ts'

function sunk(file: string): SunkMail[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line) as SunkMail)
}

const order = {
  id: 'ord_1',
  customer_id: 'c1',
  email: 'ada@example.org',
  country: null,
  status: 'placed' as const,
  payment_status: 'paid' as const,
  currency: 'EUR',
  total_minor: 3998,
  placed_at: '2026-01-01T00:00:00Z',
  cancelled_at: null,
  shipped_at: null,
  lines: [
    {
      product_id: 'prd_1',
      sku: 'OAK',
      name: `<script>alert("1")</script> & 'co'`,
      unit_price_minor: 1999,
      quantity: 2,
      line_total_minor: 3998,
    },
  ],
}

describe('a mail', () => {
  test('says the same as text and as HTML, and nothing of a product is markup', () => {
    const mail = confirmationMail(order, 'acme')
    assert.match(mail.text, /2 x <script>alert\("1"\)<\/script> & 'co' \(OAK\): 39\.98 EUR/)
    assert.match(mail.text, /Total: 39\.98 EUR/)
    assert.match(
      mail.html,
      /2 x &lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt; &amp; &#39;co&#39; \(OAK\)/,
    )
    assert.doesNotMatch(mail.html, /<script/)
    assert.deepEqual([mail.to, mail.messageId], ['ada@example.org', '<ord_1@acme.shop.example>'])
  })

  test('of a shipment names carrier and tracking code; without an address it goes to the desk', () => {
    const shipment = {
      id: 'shp_1',
      order_id: 'ord_1',
      customer_id: 'c1',
      carrier: 'Post <b>',
      tracking_code: 'P"1',
      status: 'handed_over' as const,
      version: 2,
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
      moves: [],
    }
    const mail = shippingMail(shipment, { ...order, email: null }, 'acme')
    assert.match(mail.html, /Post &lt;b&gt; has taken over/)
    assert.match(mail.html, /P&quot;1/)
    assert.deepEqual(
      [mail.to, mail.messageId],
      ['orders@acme.shop.example', '<shp_1@acme.shop.example>'],
    )
  })

  test('of a payment tells the amount that was taken', () => {
    const payment = { payment_id: 'pay_1', amount_minor: 3998, currency: 'EUR' }
    const mail = receiptMail(payment, order, 'acme')
    assert.match(mail.text, /Paid: 39\.98 EUR/)
    assert.equal(mail.messageId, '<pay_1@acme.shop.example>')
  })

  test('escapes what is put into its HTML once, and never what is HTML', () => {
    const inner = html`<b>${'<&>'}</b>`
    assert.equal(
      html`<p title="${'"'}">${inner}${[inner]}${1}</p>`.text,
      '<p title="&quot;"><b>&lt;&amp;&gt;</b><b>&lt;&amp;&gt;</b>1</p>',
    )
  })
})

test('while SMTP is down nothing is lost: all mails arrive once it is back, each once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-mails-'))
  const file = join(folder, 'mail.jsonl')
  let sink: SmtpSink = await startSmtpSink(file)
  const mailer = await smtpMailer({ SMTP_URL: sink.url })
  await using shop = await testShop({ mailer })
  try {
    const customer = await shop.caller('acme', 'customer')
    const merchant = await shop.caller('acme', 'merchant')
    const product = { sku: 'MAIL', name: 'Mail', price_minor: 1, currency: 'EUR', stock: 100 }
    await merchant.ask('POST /v1/products', { body: product })
    const place = async () => {
      const body = { lines: [{ sku: 'MAIL', quantity: 1 }], email: 'ada@example.org' }
      return (await customer.ask<{ id: string }>('POST /v1/orders', { body })).body.id
    }
    const first = await place()
    await until('the first mail has come', async () => sunk(file).length === 1)

    await payFor(customer, first)
    const { body: payment } = await customer.ask(`GET /v1/orders/${first}/payment`)
    await shop.deliverEvents()
    await until('the receipt has come', async () => sunk(file).length === 2)

    await sink.stop()
    const orders = [first, await place(), await place(), await place()]
    const { body: shipment } = await merchant.ask<{ id: string }>(
      `POST /v1/orders/${first}/shipments`,
      { body: { carrier: 'Post' } },
    )
    await merchant.ask(`POST /v1/shipments/${shipment.id}/moves`, {
      body: { status: 'handed_over' },
    })
    await shop.deliverEvents()
    const failed = `SELECT FROM holdfast.jobs WHERE queue = 'mail' AND last_error IS NOT NULL`
    const waiting = () => shop.rows('acme', failed, [], 'holdfast_loops')
    await until('every mail has failed once', async () => (await waiting()).length === 4)
    assert.equal(sunk(file).length, 2)

    sink = await startSmtpSink(file, Number(new URL(sink.url).port))
    const due = `UPDATE holdfast.jobs SET run_at = clock_timestamp()`
    await until('all mails have come', async () => {
      await shop.rows('acme', due, [], 'holdfast_loops')
      return sunk(file).length === 6
    })
    await shop.finishJobs()
    const ids = [...orders, payment.id, shipment.id].map((id) => `<${id}@acme.shop.example>`)
    assert.deepEqual(
      sunk(file)
        .map(({ message_id }) => message_id)
        .toSorted(),
      ids.toSorted(),
    )
    assert.ok(sunk(file).every(({ raw }) => /multipart\/alternative/.test(raw)))
  } finally {
    mailer.close()
    await sink.stop()
    rmSync(folder, { recursive: true })
  }
})
