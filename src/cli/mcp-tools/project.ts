/** What a Holdfast project tells about itself. Nothing is started and no database is asked. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { HoldfastError } from '../../base/fault.ts'
import { defineTool, type Tool } from '../../mcp/tool.ts'
import { explain, findOperation } from '../../operation/explain.ts'
import { buildRegistry } from '../../operation/registry.ts'
import { loadProject } from '../config.ts'
import { explanationPage } from '../explain.ts'
import { appOf } from '../project.ts'

const NAME_LENGTH_MAX = 200

export function projectTools(folder: string): readonly Tool[] {
  return [explainTool(folder), schemaTool(folder)]
}

function explainTool(folder: string): Tool {
  return defineTool({
    name: 'explain_operation',
    title: 'Explain an operation of this project',
    description:
      'In a Holdfast project: the steps, SQL batches, round trips and problems of one operation; without a name, all operations.',
    input: z.strictObject({ name: z.string().max(NAME_LENGTH_MAX).optional() }),
    async run({ name }) {
      const registry = buildRegistry(await appOf(await loadProject(folder, undefined)))
      if (name !== undefined) {
        const explanation = explain(findOperation(registry, name))
        return { text: explanationPage(explanation), data: explanation }
      }
      const operations = [...registry.operations.values()].map((one) => ({
        name: one.name,
        kind: one.kind,
        http: one.http && `${one.http.method} ${one.http.path}`,
      }))
      const lines = operations.map((one) => `${one.name} (${one.kind}) ${one.http ?? ''}`.trim())
      return { text: lines.join('\n'), data: { operations } }
    },
  })
}

function schemaTool(folder: string): Tool {
  return defineTool({
    name: 'read_schema',
    title: 'Read the database schema of this project',
    description:
      'In a Holdfast project: the row types that were generated from the migrated database, all or of one table.',
    input: z.strictObject({ table: z.string().max(NAME_LENGTH_MAX).optional() }),
    async run({ table }) {
      const { typesFile } = await loadProject(folder, undefined)
      if (typesFile === undefined)
        throw new HoldfastError('HF_PROJECT_INVALID', 'The project names no file of row types.')
      const text = await readFile(fileURLToPath(typesFile), 'utf8')
      return { text: table === undefined ? text : interfaceOf(text, table) }
    },
  })
}

/** The interface of a table, by the key that the type of the whole database has for it. */
function interfaceOf(text: string, table: string): string {
  const plain = table.replaceAll(/[^\w.]/g, '').replaceAll('.', '\\.')
  const named = new RegExp(`^\\s+["']?(?:\\w+\\.)?${plain}["']?: (\\w+)`, 'm').exec(text)?.[1]
  const found = named && new RegExp(`^export interface ${named} \\{[\\s\\S]*?^\\}`, 'm').exec(text)
  if (found) return found[0]
  throw new HoldfastError('HF_USAGE', `There is no table "${table}" among the row types.`)
}
