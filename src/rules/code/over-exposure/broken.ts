export interface UserRow {
  readonly id: number
  readonly name: string
  readonly password_hash: string
  readonly internal_notes: string
}

export function reply(user: UserRow): string {
  return JSON.stringify(user)
}
