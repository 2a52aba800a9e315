import { readFile } from 'node:fs/promises'

export async function template(path: string): Promise<string> {
  return readFile(path, 'utf8')
}
