/** `npm run pages`: writes every page that is made from something else; tests keep them current. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configReference } from '../src/runtime/config-variables.ts'

const WRITERS = ['errors-page', 'rules-pages', 'skill-pages', 'cli-page', 'api-page']

for (const name of WRITERS) {
  const script = join(import.meta.dirname, `${name}.ts`)
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
writeFileSync(join(import.meta.dirname, '../docs/reference/configuration.md'), configReference())
