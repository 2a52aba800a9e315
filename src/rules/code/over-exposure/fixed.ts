import { z } from 'zod'

export interface UserRow {
  readonly id: number
  readonly name: string
  readonly password_hash: string
  readonly internal_notes: string
}

const UserReply = z.object({ id: z.int(), name: z.string() })

/** The schema is what leaves: a new column stays inside until somebody lists it. */
export function reply(user: UserRow): string {
  return JSON.stringify(UserReply.parse(user))
}
