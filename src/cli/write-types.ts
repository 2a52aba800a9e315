import { readFile, writeFile } from 'node:fs/promises'
import { HoldfastError } from '../base/fault.ts'
import { generateTypes } from '../database/migrate/generate-types.ts'
import type { Terminal } from './command.ts'
import type { Project } from './config.ts'
import { lineDiff } from './line-diff.ts'
import { shortPath } from './project.ts'

/** Writes the project's file of row types, where it names one and the text differs. */
export async function writeTypes(terminal: Terminal, project: Project, url: string): Promise<void> {
  const { typesFile } = project
  if (typesFile === undefined) return
  const wanted = await generateTypes({ url })
  const path = shortPath(terminal, typesFile)
  if ((await currentText(typesFile)) === wanted) return terminal.out(`${path} is current.`)
  await writeFile(typesFile, wanted)
  terminal.out(`${path} is written.`)
}

/** HF_TYPES_STALE with the difference where the file is not what would be written. */
export async function checkTypes(terminal: Terminal, project: Project, url: string): Promise<void> {
  const { typesFile } = project
  if (typesFile === undefined) return
  const wanted = await generateTypes({ url })
  const current = await currentText(typesFile)
  const path = shortPath(terminal, typesFile)
  if (current === wanted) return terminal.out(`${path} is current.`)
  const what = current === '' ? 'is not there or empty' : `differs:\n${lineDiff(current, wanted)}\n`
  throw new HoldfastError('HF_TYPES_STALE', `${path} ${what}.`)
}

/** Line ends as a checkout may have made them; a missing file is an empty one. */
async function currentText(file: URL): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replaceAll('\r\n', '\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
