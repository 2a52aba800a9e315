import { z } from 'zod'

export interface User {
  id: number
  name: string
  role: 'customer' | 'admin'
}

/** Strict: a field that is not listed is refused, not ignored. */
const Profile = z.strictObject({ name: z.string().min(1).max(100) })

export function updateProfile(user: User, body: object): User {
  const { name } = Profile.parse(body)
  return { ...user, name }
}
