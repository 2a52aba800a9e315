/** A folder with Holdfast in it and a terminal, as the reader of a guide to proving has them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { testServer } from '../../src/testing/test-database.ts'
import type { Block } from './markdown.ts'
import { root } from './project-copy.ts'
import { Shell } from './shell.ts'
import { pathOf, writeFiles } from './snippets.ts'

export interface ProverFolder {
  readonly path: string
  readonly shell: Shell
  close(): Promise<void>
}

/** With the files that the blocks of a guide are. */
export async function proverFolder(guide: readonly Block[]): Promise<ProverFolder> {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-proving-'))
  mkdirSync(join(path, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(path, 'node_modules/holdfast'))
  symlinkSync(join(root, 'node_modules/zod'), join(path, 'node_modules/zod'))
  symlinkSync('../holdfast/bin/holdfast.mjs', join(path, 'node_modules/.bin/holdfast'))
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
  writeFiles(
    path,
    guide.filter((block) => pathOf(block) !== undefined),
  )
  const { adminUrl } = await testServer()
  const shell = new Shell(path, {
    ...process.env,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    NODE_OPTIONS: '--conditions=holdfast-source',
    NODE_TEST_CONTEXT: undefined,
    DATABASE_URL: adminUrl,
    npm_config_offline: 'true',
    npm_config_loglevel: 'error',
  })
  return {
    path,
    shell,
    async close() {
      await shell.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}
