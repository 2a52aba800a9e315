/**
 * `holdfast dev`: the app in a process of its own, started again at each change. The database stays
 * up in between; migrations are applied, and the row types written, before a start that needs it.
 *
 * States of a process. loading the framework -> waiting -> (told: starting) -> answering -> ending.
 * The next one waits while one answers: a change has to load the app's own files, and no more. It starts
 * while the last one ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { migrate } from '../database/migrate/migrate.ts'
import type { Command, CommandCall, Terminal } from './command.ts'
import { commonJsAdvice } from './commonjs-folder.ts'
import { bareProject, hasProject, type Project } from './config.ts'
import { isProduction, withDatabaseUrl } from './database-url.ts'
import { projectOf, sourcesOf } from './project.ts'
import { watchFolder } from './watch-folder.ts'
import { writeTypes } from './write-types.ts'

const MAIN = 'main.ts'
/** A package.json without "type" costs a parse, and is nothing to be told at each start. */
const QUIET = ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']
/** What has not ended by then holds a request that nobody waits for any more. */
const STOP_MS = 250

export const dev: Command = {
  name: 'dev',
  summary: 'Run the app, and start it again at each change; main.ts unless a file is named',
  example: 'holdfast dev',
  args: ['file?'],
  async run(call) {
    const { terminal } = call
    if (isProduction(terminal.env)) {
      throw new HoldfastError(
        'HF_USAGE',
        'holdfast dev is for development, and this is production.',
      )
    }
    const file = mainFile(call)
    const named = call.text('config') !== undefined || hasProject(terminal.cwd)
    const project = named ? await projectOf(call) : bareProject
    return withDatabaseUrl(terminal, (url) =>
      new DevSession({ terminal, project, file, url, clock: systemClock }).run(),
    )
  },
}

function mainFile({ terminal, args }: CommandCall): string {
  const file = resolve(terminal.cwd, args[0] ?? MAIN)
  if (existsSync(file)) return file
  throw new HoldfastError(
    'HF_USAGE',
    `holdfast dev: there is no file ${file}; name the one that starts the app.`,
  )
}

interface DevOptions {
  readonly terminal: Terminal
  readonly project: Project
  readonly file: string
  readonly url: string
  readonly clock: Clock
}

const PRELOAD = new URL(
  import.meta.url.endsWith('.ts') ? './dev-child.ts' : './dev-child.js',
  import.meta.url,
)

const FRAMEWORK = fileURLToPath(new URL('..', import.meta.url))

class DevSession {
  readonly #options: DevOptions
  #child: ChildProcess | undefined
  #waiting: ChildProcess | undefined
  /** Changes are worked on one after the other. */
  #turn: Promise<void> = Promise.resolve()

  constructor(options: DevOptions) {
    this.#options = options
  }

  /** Until the terminal interrupts. */
  async run(): Promise<number> {
    const { terminal, clock } = this.#options
    await this.#migrate()
    this.#start(clock.monotonicMs())
    const stopWatching = watchFolder(terminal.cwd, clock, (paths) => this.#changed(paths))
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
    stopWatching()
    await this.#turn
    await Promise.all([end(this.#waiting, clock), end(this.#child, clock)])
    return 0
  }

  #changed(paths: ReadonlySet<string>): void {
    const { terminal, project, clock } = this.#options
    const types = project.typesFile && relative(terminal.cwd, fileURLToPath(project.typesFile))
    const own = [...paths].filter((path) => path !== types)
    if (own.length === 0) return
    if (own.some((path) => resolve(terminal.cwd, path).startsWith(FRAMEWORK))) this.#forgetWaiting()
    const changedAtMs = clock.monotonicMs()
    const migrated = own.some((path) => path.endsWith('.sql'))
    this.#turn = this.#turn.then(async () => {
      if (migrated && !(await this.#migrate())) return
      terminal.err(`-- ${own.slice(0, 3).join(', ')}${own.length > 3 ? ', ...' : ''} changed`)
      this.#start(changedAtMs)
    })
  }

  /** False where it failed: the process that runs goes on, and the next change is waited for. */
  async #migrate(): Promise<boolean> {
    const { terminal, project, url } = this.#options
    try {
      const { applied } = await migrate({ url, sources: sourcesOf(project) })
      for (const name of applied) terminal.err(`-- applied ${name}`)
      if (applied.length > 0) await writeTypes(terminal, project, url)
      return true
    } catch (error) {
      terminal.err(error instanceof Error ? error.message : String(error))
      return false
    }
  }

  #start(sinceMs: number): void {
    const { terminal, clock, file } = this.#options
    const last = this.#child
    let answers = false
    const child = isRunning(this.#waiting) ? this.#waiting : this.#spawn()
    this.#waiting = undefined
    this.#child = child
    // Where it is gone already, its exit says so.
    child.send('start', () => {})
    child.on('message', (message) => {
      if ((message as { holdfast?: string }).holdfast !== 'started') return
      answers = true
      const { apiUrl, adminUrl } = message as { apiUrl?: string; adminUrl: string }
      this.#waiting ??= this.#spawn()
      const tookMs = Math.round(clock.monotonicMs() - sinceMs)
      terminal.err(`-- ${apiUrl ?? 'no API'}, admin ${adminUrl}, answering after ${tookMs} ms`)
    })
    child.once('exit', (code) => {
      if (this.#child !== child || code === null) return
      terminal.err(`-- it has ended with code ${code}; it is started again at the next change`)
      const advice = answers ? undefined : commonJsAdvice(file)
      if (advice !== undefined) terminal.err(`-- ${advice}`)
    })
    void end(last, clock)
  }

  /** What it has loaded is not what there is any more. */
  #forgetWaiting(): void {
    void end(this.#waiting, this.#options.clock)
    this.#waiting = undefined
  }

  #spawn(): ChildProcess {
    const { terminal, file, url } = this.#options
    return spawn(process.execPath, [...QUIET, '--import', PRELOAD.href, file], {
      cwd: terminal.cwd,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        NODE_COMPILE_CACHE: join(terminal.cwd, '.holdfast/compile-cache'),
        LOG_FORMAT: 'pretty',
        LOG_LEVEL: 'info',
        ...terminal.env,
        DATABASE_URL: terminal.env.DATABASE_URL || url,
      },
    })
  }
}

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null
}

async function end(child: ChildProcess | undefined, clock: Clock): Promise<void> {
  if (!isRunning(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const cancel = clock.after(STOP_MS, () => child.kill('SIGKILL'))
  await exited
  cancel()
}
