import { z } from 'zod'
import { defineCommand, defineJob, defineQuery } from '../../../src/operation/contract.ts'

export const SendConfirmation = defineJob({
  name: 'notifications.send-confirmation',
  summary: 'Tell the customer by mail that the order was placed',
  payload: z.object({ order_id: z.uuid() }),
  queue: 'mail',
  timeoutMs: 20_000,
})

export const FindConfirmation = defineQuery({
  name: 'notifications.find-confirmation',
  summary: 'Whether the confirmation of an order has been sent',
  input: z.object({ order_id: z.uuid() }),
  output: z.object({ sent_at: z.iso.datetime().nullable() }),
})

export const RecordConfirmation = defineCommand({
  name: 'notifications.record-confirmation',
  summary: 'Note that the mail server has accepted the confirmation of an order',
  idempotency: 'natural',
  input: z.object({ order_id: z.uuid(), message_id: z.string(), recipient: z.string() }),
  output: z.object({}),
})
