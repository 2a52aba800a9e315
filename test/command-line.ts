/** The command line in a folder of its own, with a database server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { main } from '../src/cli/main.ts'
import { testServer } from '../src/testing/test-database.ts'

/** `files`: their texts by name. Gone when the test ends. */
export async function commandLine(context: TestContext, files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-command-'))
  context.after(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  const { adminUrl } = await testServer()
  return {
    path,
    async run(line: string) {
      const out: string[] = []
      const err: string[] = []
      const code = await main(line.split(' '), {
        env: { DATABASE_URL: adminUrl },
        cwd: path,
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        ask: async () => undefined,
      })
      return { code, out: out.join('\n'), err: err.join('\n') }
    },
  }
}
