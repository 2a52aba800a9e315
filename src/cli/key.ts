import {
  type ApiKeyOptions,
  createApiKey,
  type IssuedKey,
  queriesOf,
} from '../access/api-key/api-key.ts'
import { frameworkSources } from '../app/sources.ts'
import { systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { contextStatement } from '../database/context.ts'
import { migrationStatus } from '../database/migrate/migrate.ts'
import { Pool } from '../database/pool.ts'
import { runTransaction } from '../database/run-transaction.ts'
import type { Command, CommandCall } from './command.ts'
import { isProduction, withDatabaseUrl } from './database-url.ts'
import { pending } from './project.ts'

export const keyNew: Command = {
  name: 'key new',
  summary: 'Make an API key of a tenant, and print it, this once',
  example: "holdfast key new acme --permissions 'orders:*'",
  args: ['tenant'],
  options: {
    permissions: { type: 'string', summary: 'With commas between them: orders:read,products:*' },
    roles: { type: 'string', summary: 'The same, for roles of the app' },
    name: { type: 'string', summary: 'What it is for, for people' },
    environment: { type: 'string', summary: 'Stands in its text; dev, or live in production' },
  },
  async run(call) {
    const [tenant = ''] = call.args
    const options = optionsOf(call)
    const { key, text } = await withDatabaseUrl(call.terminal, (url) => issue(url, tenant, options))
    call.terminal.err(`${key.id} of ${tenant}. It is stored nowhere; keep it:`)
    call.terminal.out(text.reveal())
    return 0
  },
}

function optionsOf(call: CommandCall): ApiKeyOptions {
  const permissions = words(call.text('permissions'))
  const roles = words(call.text('roles'))
  if (permissions.length + roles.length === 0) {
    const missing = '--permissions or --roles is missing: a key without them may do nothing.'
    throw new HoldfastError('HF_USAGE', `holdfast key new: ${missing}`)
  }
  return {
    name: call.text('name') ?? 'made on the command line',
    environment: call.text('environment') ?? (isProduction(call.terminal.env) ? 'live' : 'dev'),
    permissions,
    roles,
  }
}

function words(list: string | undefined): readonly string[] {
  return (list ?? '').split(',').filter(Boolean)
}

/** One insert; it waits for nobody. */
const TIMEOUT_MS = 10_000

async function issue(url: string, tenant: string, options: ApiKeyOptions): Promise<IssuedKey> {
  const status = await migrationStatus({ url, sources: frameworkSources() })
  if (status.entries.some(({ state }) => state === 'pending')) throw pending(status)
  const pool = new Pool({ url, connectionsMax: 2, applicationName: 'holdfast cli' })
  const times = { remainingMs: TIMEOUT_MS, lockTimeoutMs: TIMEOUT_MS }
  const context = { role: 'holdfast_app', tenant, actor: 'cli', purpose: 'write' } as const
  try {
    return await runTransaction(
      pool,
      {
        isolation: 'read committed',
        deadlineMs: systemClock.monotonicMs() + TIMEOUT_MS,
        opening: () => [contextStatement({ ...context, ...times })],
        inDoubt: 'xid',
      },
      (tx) => createApiKey(queriesOf(tx), options),
    )
  } finally {
    await pool.close()
  }
}
