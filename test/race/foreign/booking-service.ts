/** Another one: Fastify and Kysely. It knows nothing of Holdfast either. */
import Fastify, { type FastifyInstance } from 'fastify'
import { type Generated, Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'

interface Tables {
  rooms: { id: number; name: string }
  bookings: { id: Generated<number>; room_id: number; day: string; guest: string }
}

export const bookingTables = `
  CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE bookings (
    id serial PRIMARY KEY, room_id int NOT NULL REFERENCES rooms, day date NOT NULL, guest text NOT NULL
  );
`

interface Booking {
  readonly day: string
  readonly guest: string
}

export function bookingService(pool: pg.Pool, isFixed = false): FastifyInstance {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const app = Fastify()
  app.post<{ Params: { room: string }; Body: Booking }>(
    '/rooms/:room/bookings',
    async (request, reply) => {
      const room = Number(request.params.room)
      const isBooked = await db.transaction().execute(async (transaction) => {
        // The fix is one statement: whoever books a room waits for the one before.
        if (isFixed) await sql`SELECT FROM rooms WHERE id = ${room} FOR UPDATE`.execute(transaction)
        const taken = await transaction
          .selectFrom('bookings')
          .select('id')
          .where('room_id', '=', room)
          .where('day', '=', request.body.day)
          .executeTakeFirst()
        if (taken !== undefined) return false
        await transaction
          .insertInto('bookings')
          .values({ room_id: room, ...request.body })
          .execute()
        return true
      })
      reply.code(isBooked ? 201 : 409)
      return { booked: isBooked }
    },
  )
  return app
}
