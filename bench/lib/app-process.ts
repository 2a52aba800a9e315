/** One server under measurement, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AppReport } from '../apps/fixture.ts'

const START_TIMEOUT_MS = 30_000

export interface AppOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly execArgv?: readonly string[]
  /** `ignore`: what it logs is written, and nobody reads it. */
  readonly output?: 'inherit' | 'ignore'
  /** Where the apps are; beside this folder by default. */
  readonly apps?: URL
}

const APPS = new URL('../apps/', import.meta.url)

export class AppProcess {
  readonly name: string
  readonly url: string
  readonly #child: ChildProcess

  constructor(name: string, url: string, child: ChildProcess) {
    this.name = name
    this.url = url
    this.#child = child
  }

  static async start(
    name: string,
    file: string,
    databaseUrl: string,
    options: AppOptions = {},
  ): Promise<AppProcess> {
    const child = fork(new URL(file, options.apps ?? APPS), {
      env: { ...process.env, BENCH_URL: databaseUrl, NODE_ENV: 'production', ...options.env },
      execArgv: [...process.execArgv, ...(options.execArgv ?? [])],
      stdio: ['ignore', options.output ?? 'inherit', 'inherit', 'ipc'],
    })
    const signal = AbortSignal.timeout(START_TIMEOUT_MS)
    const died = once(child, 'exit').then(() => {
      throw new Error(`${name} ended before it was ready`)
    })
    const [message] = await Promise.race([once(child, 'message', { signal }), died])
    return new AppProcess(name, (message as { ready: string }).ready, child)
  }

  async report(): Promise<AppReport> {
    const answer = once(this.#child, 'message')
    this.#child.send('report')
    const [report] = await answer
    return report as AppReport
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
