import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

export interface User {
  id: number
  name: string
  role: 'customer' | 'admin'
  save(): Promise<void>
}

/** Strict: a field that is not listed is refused, not ignored. */
const Profile = z.strictObject({ name: z.string().min(1).max(100) })

export function routes(app: FastifyInstance, userOf: (request: object) => User): void {
  app.patch('/me', async (request, reply) => {
    const { success, data } = Profile.safeParse(request.body)
    if (!success) return reply.code(422).send({ title: 'Only the name can be changed' })
    const user = userOf(request)
    user.name = data.name
    await user.save()
    return { name: user.name }
  })
}
