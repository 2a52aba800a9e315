import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'

export async function template(path: string): Promise<string> {
  return readFile(path, 'utf8')
}

export function routes(app: FastifyInstance): void {
  app.get('/terms', () => template('pages/terms.html'))
}
