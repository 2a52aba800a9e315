/** What `holdfast prove` has found, and, where this server was started for it, running it. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { HoldfastError } from '../../base/fault.ts'
import { isObject } from '../../mcp/message.ts'
import { defineTool, type Tool } from '../../mcp/tool.ts'
import { insideOf } from './inside.ts'
import { type McpProject, runCommand } from './run-command.ts'

const PATH_LENGTH_MAX = 500
const NAME_LENGTH_MAX = 200
const FILES_MAX = 20
/** Results of one run; more of them are for a person to sort. */
const RESULTS_MAX = 200

const path = z.string().min(1).max(PATH_LENGTH_MAX)
const name = z.string().min(1).max(NAME_LENGTH_MAX)

export function proofTools(project: McpProject, isRunning: boolean): readonly Tool[] {
  return [resultsTool(project), ...(isRunning ? [proveTool(project)] : [])]
}

function resultsTool({ cwd }: McpProject): Tool {
  return defineTool({
    name: 'read_proofs',
    title: 'Read what holdfast prove has found',
    description:
      'The violations that `holdfast prove --out <folder>` has written into a folder of this project; with a name, the trace of that one: who did what when, why it breaks, and the fixes.',
    input: z.strictObject({ folder: path, name: name.optional() }),
    async run({ folder, name }) {
      const inside = join(cwd, await insideOf(cwd, folder))
      const results = await resultsIn(inside)
      if (results.length === 0)
        throw new HoldfastError('HF_USAGE', `${folder} holds no result of holdfast prove --out.`)
      if (name === undefined) return { text: results.map(resultLine).join('\n'), data: { results } }
      if (!results.some((result) => result.name === name)) {
        const names = results.map((result) => result.name).join(', ')
        throw new HoldfastError('HF_USAGE', `There is no result "${name}"; there is ${names}.`)
      }
      return { text: await readFile(join(inside, `${name}.txt`), 'utf8') }
    },
  })
}

interface Result {
  readonly name: string
  readonly file: string
  readonly verdict: string
}

async function resultsIn(folder: string): Promise<readonly Result[]> {
  const entries = await readdir(folder).catch(() => [])
  const files = entries.filter((entry) => entry.endsWith('.json')).sort()
  const read = files.slice(0, RESULTS_MAX).map((file) => resultOf(join(folder, file), file))
  return (await Promise.all(read)).flatMap((result) => result ?? [])
}

/** Undefined for what is no result. */
async function resultOf(file: string, entry: string): Promise<Result | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (!isObject(value) || typeof value.verdict !== 'string') return undefined
    return {
      name: entry.slice(0, -'.json'.length),
      file: String(value.file),
      verdict: value.verdict,
    }
  } catch {
    return undefined
  }
}

function resultLine({ name, file, verdict }: Result): string {
  return `${verdict}  ${name}  (${file})`
}

const BUDGET_SECONDS_DEFAULT = 60
/** Longer searches are for CI. */
const BUDGET_SECONDS_MAX = 600
/** What starting a database, and ending it, takes beside the search. */
const FRAME_MS = 120_000

function proveTool(project: McpProject): Tool {
  return defineTool({
    name: 'prove',
    title: 'Run proofs',
    description:
      'Runs what these files export to be proved (races, crashes) in databases made for it, within a budget. Runs code of the project.',
    runsCode: true,
    input: z.strictObject({
      files: z.array(path).min(1).max(FILES_MAX),
      only: name.optional(),
      replay: name.optional(),
      budgetSeconds: z.int().min(1).max(BUDGET_SECONDS_MAX).default(BUDGET_SECONDS_DEFAULT),
    }),
    async run({ files, only, replay, budgetSeconds }, signal) {
      const inside = await Promise.all(files.map((file) => insideOf(project.cwd, file)))
      const words = [
        `--budget=${budgetSeconds}s`,
        ...(only === undefined ? [] : [`--only=${only}`]),
        ...(replay === undefined ? [] : [`--replay=${replay}`]),
        '--',
        ...inside.map((file) => file || '.'),
      ]
      const timeoutMs = budgetSeconds * 1_000 + FRAME_MS
      const { out } = await runCommand(['prove', ...words], { ...project, signal, timeoutMs })
      return { text: out }
    },
  })
}
