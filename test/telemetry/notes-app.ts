/** An app that does one of everything that is told of: command, query, event, subscription, job. */
import { trace } from '@opentelemetry/api'
import { z } from 'zod'
import { sql } from '../../src/database/sql.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from '../../src/operation/contract.ts'
import { conflict, notFound } from '../../src/operation/problem.ts'
import { anyPrincipal, may } from '../../src/operation/rule.ts'

const builder = holdfast<{ db: object }>()

export const WriteNote = defineCommand({
  name: 'notes.write-note',
  http: 'POST /v1/notes',
  status: 201,
  input: z.object({
    text: z.string().max(500),
    password: z.string().optional(),
    copies: z.int().min(0).max(3).default(0),
    fail: z.enum(['problem', 'constraint', 'bug', 'sql', 'cast', 'no-table']).optional(),
  }),
  output: z.object({ id: z.uuid() }),
  problems: { taken: conflict('Taken') },
})

export const ReadNote = defineQuery({
  name: 'notes.read-note',
  http: 'GET /v1/notes/{id}',
  input: z.object({ id: z.uuid() }),
  output: z.object({ id: z.uuid(), text: z.string(), readers: z.int() }),
  problems: { noNote: notFound('No such note') },
})

export const NoteWritten = defineEvent({
  name: 'notes.note-written',
  payload: z.object({ id: z.uuid() }),
  key: ({ id }) => id,
})

export const PrintNote = defineJob({
  name: 'notes.print-note',
  payload: z.object({ id: z.uuid(), fail: z.boolean().default(false) }),
  attemptsMax: 2,
  // Tests make it due: a second attempt of its own accord would be one of luck.
  backoff: { baseMs: 3_600_000, capMs: 3_600_000 },
})

const notes = {
  module: builder.defineModule({
    name: 'notes',
    migrations: new URL('./migrations/', import.meta.url),
  }),
  WriteNote,
  ReadNote,
  NoteWritten,
  PrintNote,
  write: builder.handle(WriteNote, {
    allow: may('notes:write'),
    limit: { rate: '1000/min', per: 'principal' },
    async run({ input, tx, fail }) {
      const { text } = input
      const id = tx.id()
      trace.getTracer('notes').startSpan('of the app').end()
      if (input.fail === 'bug') throw new TypeError(`a bug with ${text}`)
      if (input.fail === 'sql') await tx.query(sql`SELECT 1 / ${0}::int, ${text}`)
      if (input.fail === 'cast') await tx.query(sql`SELECT ${text}::uuid`)
      if (input.fail === 'no-table') {
        const texts = [
          sql`INSERT INTO notes (id, text) VALUES (${id}, ${text})`,
          sql`INSERT INTO nowhere (id) VALUES (${id})`,
          sql`DELETE FROM notes WHERE id = ${id}`,
        ]
        await Promise.all(texts.map((each) => tx.query(each)))
      }
      const ids = [id, ...Array.from({ length: input.copies }, () => tx.id())]
      const insert = (each: string) => sql`INSERT INTO notes (id, text) VALUES (${each}, ${text})`
      await Promise.all(ids.map((each) => tx.query(insert(each))))
      if (input.fail === 'problem') throw fail.taken()
      tx.emit(NoteWritten, { id })
      tx.enqueue(PrintNote, { id, fail: text === 'unprintable' })
      return { id }
    },
  }),
  read: builder.handle(ReadNote, {
    allow: anyPrincipal,
    async run({ input, tx, fail }) {
      const note = await tx.maybeOne<{ id: string; text: string; readers: number }>(
        sql`SELECT id, text, readers FROM notes WHERE id = ${input.id}`,
      )
      if (note === undefined) throw fail.noNote()
      return note
    },
  }),
  countReader: builder.subscribe(NoteWritten, {
    name: 'notes.count-reader',
    run({ event, tx }) {
      tx.defer(sql`UPDATE notes SET readers = readers + 1 WHERE id = ${event.payload.id}`)
    },
  }),
  print: builder.handle(PrintNote, {
    run({ payload, tx }) {
      if (payload.fail) throw new Error('The printer is on fire.')
      tx.defer(sql`UPDATE notes SET readers = readers + 10 WHERE id = ${payload.id}`)
    },
  }),
}

export const notesApp = builder.defineApp({ modules: [notes] })
