/** The shop as a process of its own, to be killed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../example/shop/main.ts', import.meta.url))

/** For what takes none: nobody listens there. */
const NO_PAYMENTS = { PAYMENTS_URL: 'http://127.0.0.1:9', PAYMENTS_ACCOUNTS: '[]' }

interface Told {
  readonly api?: string
  readonly admin: string
}

export class ShopProcess {
  /** Empty where this process does not serve. */
  readonly api: string
  readonly admin: string
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>
  /** What it logged: from `error` on, unless LOG_LEVEL says otherwise. */
  readonly log: Promise<string>

  private constructor(child: ChildProcess, told: Told, log: Promise<string>) {
    this.#child = child
    this.api = told.api ?? ''
    this.admin = told.admin
    this.log = log
    this.#exit = exitCode(child)
  }

  /** Resolves once it listens. */
  static async start(
    env: Readonly<Record<string, string>>,
    role: 'api' | 'worker' | 'all' = 'all',
  ): Promise<ShopProcess> {
    const { PATH } = process.env
    const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const
    const child = fork(PROGRAM, [role], {
      env: { PATH, ...NO_PAYMENTS, ...env },
      stdio: [...stdio],
    })
    const log = text(child.stdout as NonNullable<ChildProcess['stdout']>)
    const ended = exitCode(child).then(async (code) => {
      throw new Error(`The shop ended at its start with code ${code}: ${await log}`)
    })
    const [told] = await Promise.race([once(child, 'message'), ended])
    ended.catch(() => {})
    return new ShopProcess(child, told as Told, log)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exit
  }

  /** Asks it to end in order; gives its exit code. */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return this.#exit
  }
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'exit')
  return code as number | null
}
