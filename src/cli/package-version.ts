import { readFile } from 'node:fs/promises'

/** The same place from src/cli and from dist/cli. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(text).version)
}
