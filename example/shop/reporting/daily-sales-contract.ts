import { z } from 'zod'
import { defineCommand, defineJob, defineQuery } from '../../../src/operation/contract.ts'
import { conflict, notFound } from '../../../src/operation/problem.ts'

/** A day in UTC. */
const day = z.iso.date().meta({ examples: ['2026-01-05'] })

export const BuildDailySales = defineCommand({
  name: 'reporting.build-daily-sales',
  http: 'POST /v1/reports/daily-sales/{date}',
  summary: 'Have the sales of a day written to a file',
  description: 'With `daily` the next days follow by themselves, each when it is over.',
  status: 202,
  input: z.object({ date: day, daily: z.boolean().default(false) }),
  output: z.object({ date: day }),
  location: ({ date }) => `/v1/reports/daily-sales/${date}`,
  problems: {
    dayNotOver: conflict('The day is not over', { transient: true }),
  },
})

export const GetDailySales = defineQuery({
  name: 'reporting.get-daily-sales',
  http: 'GET /v1/reports/daily-sales/{date}',
  summary: 'The sales of a day as a CSV file',
  description: [
    'One row for each product that was ordered and not cancelled, then one for each currency with the',
    'money that was taken and given back on that day.',
  ].join(' '),
  input: z.object({ date: day }),
  output: z.string(),
  replyType: 'text/csv; charset=utf-8',
  problems: { reportNotFound: notFound('No report of this day') },
})

/** Of one day at most one waits, whoever asks for it. */
export const WriteDailySales = defineJob({
  name: 'reporting.write-daily-sales',
  summary: 'Write the sales of a day to a file',
  payload: z.object({ date: day, daily: z.boolean() }),
  queue: 'reports',
  timeoutMs: 120_000,
  key: ({ date }) => date,
})
