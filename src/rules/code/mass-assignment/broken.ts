import type { FastifyInstance } from 'fastify'

export interface User {
  id: number
  name: string
  role: 'customer' | 'admin'
  save(): Promise<void>
}

function updateProfile(user: User, body: unknown): User {
  return Object.assign(user, body)
}

export function routes(app: FastifyInstance, userOf: (request: object) => User): void {
  app.patch('/me', async (request) => {
    const user = updateProfile(userOf(request), request.body)
    await user.save()
    return { name: user.name }
  })
}
