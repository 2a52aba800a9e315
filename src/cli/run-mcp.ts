import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRedactor, environmentOf } from '../mcp/redactor.ts'
import { McpServer } from '../mcp/server.ts'
import { serveStdio } from '../mcp/stdio.ts'
import type { CommandCall, Terminal } from './command.ts'
import { knowledgeResources, knowledgeTools } from './mcp-tools/knowledge.ts'
import { projectTools } from './mcp-tools/project.ts'
import { proofTools } from './mcp-tools/proofs.ts'
import { reviewTools } from './mcp-tools/review.ts'
import { ownStdout } from './own-stdout.ts'
import { packageVersion } from './package-version.ts'

const SIGTERM_EXIT = 143

export async function runMcp({ terminal, flag, text }: CommandCall): Promise<number> {
  const output = ownStdout()
  const server = await mcpServer(terminal, text('config'), flag('prove'))
  terminal.err(`holdfast mcp serves ${terminal.cwd}; it ends with its input.`)
  // By itself a signal would leave behind what is cleaned up at exit.
  process.once('SIGTERM', () => process.exit(SIGTERM_EXIT))
  await serveStdio(server, process.stdin, output)
  return 0
}

const INSTRUCTIONS = `Holdfast knows what goes wrong in backends under concurrency, retries and crashes.
Before writing backend code: search_rules for what you build; after it: review_path or review_snippet. Before choosing a technology or a size:
describe_topic, ask the user for the numbers, then advise or calculate. In an incident: runbook.
In a Holdfast project: explain_operation, explain_plan and read_schema before changing it; trace_request for what a request did; read_proofs for races.
Nothing here changes anything; commands that would are marked and are for a person to decide on.
Where list_topics names another domain, say so and hand the question over.`

async function mcpServer(
  { cwd, env, err }: Terminal,
  config: string | undefined,
  isProving: boolean,
): Promise<McpServer> {
  const project = { cwd, env, config }
  const secrets = [...Object.entries(env), ...(await environmentFiles(cwd))]
  return new McpServer({
    info: { name: 'holdfast', title: 'Holdfast', version: await packageVersion() },
    instructions: INSTRUCTIONS,
    tools: [
      ...knowledgeTools(cwd),
      ...reviewTools(project),
      ...projectTools(project),
      ...proofTools(project, isProving),
    ],
    resources: knowledgeResources(),
    redact: createRedactor(secrets),
    notify: err,
  })
}

const ENVIRONMENT_FILES = ['.env', '.env.local', '.env.development', '.env.test', '.env.production']

async function environmentFiles(folder: string): Promise<(readonly [string, string])[]> {
  const texts = await Promise.all(
    ENVIRONMENT_FILES.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  )
  return texts.flatMap((text) => [...environmentOf(text)])
}
