/**
 * A command of ours in a process of its own, for what loads a project or takes its time: the code is
 * read anew each time (it is edited between two questions), may print, block and crash as it likes,
 * and ends when the question is taken back.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bulkhead } from 'cockatiel'
import { systemClock } from '../../base/clock.ts'
import { ToolFailure } from '../../mcp/tool.ts'

/** The project that a server was started for. */
export interface McpProject {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What --config names, for the commands too. */
  readonly config: string | undefined
}

export interface CommandRun extends McpProject {
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

export interface CommandEnd {
  /** Of the command line: 0 done, 1 found something or failed, 3 undecided. */
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Loading an app takes a second or two; a review of a large tree some more. */
const TIMEOUT_MS = 120_000
/** From the interrupt on, which lets a search clean up, to the end by force. */
const STOP_MS = 5_000
/** A review of a very large tree as JSON; what is longer is a flood. */
const OUTPUT_LENGTH_MAX = 32 * 2 ** 20
const COMPLAINT_LENGTH_MAX = 8_000
/** Each of them takes a core and some hundred megabytes. */
const AT_ONCE_MAX = 2
/** More than the server lets in; they end with their requests. */
const WAITING_MAX = 100

const places = bulkhead(AT_ONCE_MAX, WAITING_MAX)

let compiled: string | undefined

/** For compiled code, of this process alone: the second command starts in a third of the time. */
function compileCache(): string {
  if (compiled !== undefined) return compiled
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-compiled-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  compiled = folder
  return folder
}

/** Beside this file, with the same ending: source as it stands, or what it was compiled to. */
const script = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './command-process.ts' : './command-process.js',
    import.meta.url,
  ),
)

/** Throws ToolFailure with what the command complained of where it gave no answer. */
export async function runCommand(words: readonly string[], run: CommandRun): Promise<CommandEnd> {
  const end = await places.execute(() => commandEnd(words, run), run.signal)
  if (end.code === 2 || end.out.trim() === '')
    throw new ToolFailure(end.err.trim() || `holdfast ${words[0]} gave no answer.`)
  return end
}

function commandEnd(words: readonly string[], run: CommandRun): Promise<CommandEnd> {
  const { cwd, env, config, signal, timeoutMs = TIMEOUT_MS } = run
  const options = config === undefined ? [] : [`--config=${config}`]
  const child = spawn(process.execPath, [script, ...options, ...words], {
    cwd,
    env: { ...env, NO_COLOR: '1', NODE_COMPILE_CACHE: compileCache() },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {})
  let out = ''
  let err = ''
  let why = ''
  const stop = (reason: string) => {
    why ||= reason
    child.kill('SIGINT')
    systemClock.after(STOP_MS, () => child.kill('SIGKILL'))
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    if (out.length > OUTPUT_LENGTH_MAX) stop('It answered without end and was stopped.')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err = (err + text).slice(-COMPLAINT_LENGTH_MAX)
  })
  const taken = () => stop('The question was taken back.')
  signal.addEventListener('abort', taken, { once: true })
  if (signal.aborted) taken()
  const late = systemClock.after(timeoutMs, () => stop(`Not done in ${timeoutMs / 1000} s: ended.`))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      late()
      signal.removeEventListener('abort', taken)
      if (why === '') resolve({ code: code ?? 2, out, err })
      else reject(new ToolFailure(why))
    })
  })
}
