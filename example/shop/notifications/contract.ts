import { z } from 'zod'
import { defineCommand, defineJob, defineQuery } from '../../../src/operation/contract.ts'

/** A server that is down for a day is nothing special: some forty tries, an hour apart in the end. */
const patience = {
  queue: 'mail',
  timeoutMs: 20_000,
  attemptsMax: 40,
  backoff: { baseMs: 1_000, capMs: 3_600_000 },
} as const

export const SendConfirmation = defineJob({
  name: 'notifications.send-confirmation',
  summary: 'Tell the customer by mail that the order was placed',
  payload: z.object({ order_id: z.uuid() }),
  ...patience,
})

export const SendShippingNotice = defineJob({
  name: 'notifications.send-shipping-notice',
  summary: 'Tell the customer by mail that the order is on its way',
  payload: z.object({ shipment_id: z.uuid() }),
  ...patience,
})

export const SendReceipt = defineJob({
  name: 'notifications.send-receipt',
  summary: 'Tell the customer by mail that the order is paid',
  payload: z.object({
    payment_id: z.uuid(),
    order_id: z.uuid(),
    amount_minor: z.int(),
    currency: z.string(),
  }),
  ...patience,
})

/** What a mail is about, once: `order-confirmation/<order>`. */
const cause = z.string().regex(/^[a-z-]+\/[0-9a-f-]{36}$/)

export const FindMail = defineQuery({
  name: 'notifications.find-mail',
  summary: 'Whether the mail of a cause has been sent',
  input: z.object({ cause }),
  output: z.object({ sent_at: z.iso.datetime().nullable() }),
})

export const RecordMail = defineCommand({
  name: 'notifications.record-mail',
  summary: 'Note that the mail server has accepted the mail of a cause',
  idempotency: 'natural',
  input: z.object({ cause, message_id: z.string(), recipient: z.string() }),
  output: z.object({}),
})
