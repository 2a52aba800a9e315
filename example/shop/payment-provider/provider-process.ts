import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { randomToken } from '../../../src/base/id.ts'
import { ProviderAdmin } from './provider-admin.ts'
import type { Account } from './provider-server.ts'

const PROGRAM = fileURLToPath(new URL('./provider-program.ts', import.meta.url))

export interface ProviderProcessOptions {
  /** What it knows is kept here, beyond its end. */
  readonly file: string
  readonly accounts: readonly Account[]
  /** The same again after a kill; 0 lets the system choose. */
  readonly port?: number
}

export class ProviderProcess {
  readonly url: string
  readonly admin: ProviderAdmin
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcess, url: string, ended: Promise<unknown>) {
    this.#child = child
    this.url = url
    this.admin = new ProviderAdmin(url)
    this.#ended = ended
  }

  static async start(options: ProviderProcessOptions): Promise<ProviderProcess> {
    const { PATH } = process.env
    const PROVIDER_ACCOUNTS = JSON.stringify(options.accounts)
    const PROVIDER_PORT = String(options.port ?? 0)
    const env = { PATH, PROVIDER_ACCOUNTS, PROVIDER_PORT, NODE_NO_WARNINGS: '1' }
    const child = fork(PROGRAM, [options.file], { env })
    const told = once(child, 'message').then(([message]) => message as { readonly url: string })
    const ended = once(child, 'exit')
    const gone = ended.then(([code]) => {
      throw new Error(`The payment provider ended at its start with code ${code}.`)
    })
    const { url } = await Promise.race([told, gone])
    gone.catch(() => {})
    return new ProviderProcess(child, url, ended)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}

/** One account for each tenant, with credentials that were never used before. */
export function newAccounts(names: readonly string[]): readonly Account[] {
  return names.map((name) => ({
    name,
    api_key: `sk_${randomToken(24)}`,
    webhook_secret: `whsec_${randomBytes(32).toString('base64')}`,
  }))
}
