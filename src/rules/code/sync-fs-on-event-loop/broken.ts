import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

export async function template(path: string): Promise<string> {
  return readFileSync(path, 'utf8')
}

export function routes(app: FastifyInstance): void {
  app.get('/terms', () => template('pages/terms.html'))
}
