import { readFileSync } from 'node:fs'

export async function template(path: string): Promise<string> {
  return readFileSync(path, 'utf8')
}
