/** Review of files of the project, and of code that is nowhere yet. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { defineTool, type Tool, type ToolReply } from '../../mcp/tool.ts'
import { atLeast, type Finding, LEVELS } from '../../review/report/finding.ts'
import { summaryLine, terminalLines } from '../../review/report/terminal.ts'
import type { Review } from '../../review/review.ts'
import { insideOf } from './inside.ts'
import { type CommandRun, type McpProject, runCommand } from './run-command.ts'

const PATH_LENGTH_MAX = 500
const SNIPPET_LENGTH_MAX = 100_000
const LIBRARIES_MAX = 20
const FINDINGS_DEFAULT = 20
const FINDINGS_MAX = 100

const level = z.enum(['error', 'warning', 'info']).default('warning')
const limit = z.int().min(1).max(FINDINGS_MAX).default(FINDINGS_DEFAULT)

export function reviewTools(project: McpProject): readonly Tool[] {
  return [pathTool(project), snippetTool(project)]
}

function pathTool(project: McpProject): Tool {
  return defineTool({
    name: 'review_path',
    title: 'Review a file or folder of this project',
    description:
      'Faults that lose, double or leak, with the place, what happens in production and the fix in the library that is used. Paths are relative to the project; nothing of it is run.',
    input: z.strictObject({ path: z.string().max(PATH_LENGTH_MAX).default('.'), level, limit }),
    async run({ path, level, limit }, signal) {
      const wanted = await insideOf(project.cwd, path)
      const reviewed = await reviewOf([`--only=${wanted || '.'}`], { ...project, signal })
      return replyOf(reviewed, level, limit)
    },
  })
}

/** All that is found, by a process that can be ended. */
async function reviewOf(words: readonly string[], run: CommandRun): Promise<Review> {
  const { out } = await runCommand(['review', '--json', '--level', 'info', ...words], run)
  return JSON.parse(out)
}

function snippetTool({ env }: McpProject): Tool {
  return defineTool({
    name: 'review_snippet',
    title: 'Review a piece of code',
    description:
      'The same for code that is not in a file yet. It should import what it uses; libraries that it needs and does not import may be named.',
    input: z.strictObject({
      code: z.string().min(1).max(SNIPPET_LENGTH_MAX),
      language: z.enum(['ts', 'tsx', 'js', 'sql']).default('ts'),
      libraries: z.array(z.string().max(100)).max(LIBRARIES_MAX).default([]),
      level,
      limit,
    }),
    async run({ code, language, libraries, level, limit }, signal) {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-snippet-'))
      try {
        const dependencies = Object.fromEntries(libraries.map((name) => [name, '*']))
        await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies }))
        await writeFile(join(folder, `snippet.${language}`), code)
        return replyOf(
          await reviewOf([], { cwd: folder, env, config: undefined, signal }),
          level,
          limit,
        )
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  })
}

function replyOf(reviewed: Review, level: Finding['level'], limit: number): ToolReply {
  const grave = (finding: Finding) => LEVELS.indexOf(finding.level)
  const found = reviewed.findings
    .filter((finding) => atLeast(finding.level, level))
    .sort((left, right) => grave(right) - grave(left))
  const shown = found.slice(0, limit)
  const more =
    found.length > limit ? [`${found.length - limit} more: raise limit, or fix these.`] : []
  const lines = [...terminalLines(shown, { color: false }), summaryLine(reviewed, found), ...more]
  // Lines of code stand in the text, where a secret is seen as a whole.
  const findings = shown.map(({ frame: _, ...finding }) => finding)
  return { text: lines.join('\n'), data: { findings, found: found.length } }
}
