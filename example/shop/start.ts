/**
 * The shop for development, in one command: an embedded Postgres (or the one of DATABASE_URL),
 * migrated and seeded; a mail server that keeps what it gets; a payment provider; API and loops in this process.
 */
import { join, relative } from 'node:path'
import { migrationSources } from '../../src/app/sources.ts'
import { startApp } from '../../src/app/start-app.ts'
import { isFault } from '../../src/base/fault.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts'
import type { CatalogReader } from '../../src/database/migrate/catalog-reader.ts'
import { checkRole } from '../../src/database/migrate/check-role.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { withSession } from '../../src/database/migrate/session.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { type Config, loadConfig } from '../../src/runtime/config.ts'
import type { StopStep } from '../../src/runtime/shutdown.ts'
import { apiInfo, app } from './app.ts'
import { type DevFile, readDevFile, writeDevFile } from './dev-file.ts'
import { newAccounts, ProviderProcess } from './payment-provider/provider-process.ts'
import { runProgram } from './run-program.ts'
import { type SeedReport, seed } from './seed.ts'
import { roles, tenants } from './shared/roles.ts'
import { startSmtpSink } from './smtp-sink-process.ts'
import { welcome } from './welcome.ts'

const folder = join(process.cwd(), '.holdfast')
const devFile = join(folder, 'dev.json')
const paymentsFile = join(folder, 'payments.db')
const mailFile = join(folder, 'mail.jsonl')

await runProgram(async () => {
  const stops: StopStep[] = []
  const config = await withDatabase(stops)
  const seeded = await prepare(config)
  const mail = await withMail(stops)
  const provider = await withPayments(stops)

  const running = await startApp(app, { config, roles, api: apiInfo })
  for (const stop of stops) running.shutdown.add(stop)
  running.shutdown.install()

  const { keys } = seeded
  const { apiUrl: api = '', adminUrl: admin } = running
  await provider?.admin.sendWebhooksTo(`${api}/v1/webhooks/payments`)
  const payments = provider && { payments: provider.url }
  const content: DevFile = { api, admin, pid: process.pid, ...payments, ...mail, keys }
  await writeDevFile(devFile, content)
  say(welcome({ ...content, sku: seeded.sku, devFile: relative(process.cwd(), devFile) }))
})

/** Settings are read before anything is started: all that is wrong with them is told at once. */
async function withDatabase(stops: StopStep[]): Promise<Config> {
  const config = loadConfig(process.env)
  if (config.database.url !== undefined) return config
  say('Starting Postgres ...')
  const server = await startEmbeddedPostgres({ projectDir: process.cwd() })
  stops.push({ name: 'postgres', timeoutMs: 30_000, stop: () => server.stop() })
  return loadConfig({ ...process.env, DATABASE_URL: server.url() })
}

async function prepare(config: Config): Promise<SeedReport> {
  const { directUrl, url } = config.database
  const direct = (directUrl ?? url)?.reveal() ?? ''
  await withSession(direct, refuseUnsafeRole)
  const { applied } = await migrate({ url: direct, sources: migrationSources(buildRegistry(app)) })
  if (applied.length > 0) say(`Applied ${applied.length} migrations.`)
  const earlier = await readDevFile(devFile)
  const onLoad = () => say('Loading two tenants with 11,000 products and 105,000 orders ...')
  return seed({ url: direct, writtenDown: earlier?.keys ?? [], onLoad })
}

/** Before it makes tables that would be its own. That its roles are missing is what migrating mends. */
async function refuseUnsafeRole(client: CatalogReader): Promise<void> {
  try {
    await checkRole(client)
  } catch (error) {
    if (!isFault(error, 'HF_ROLE_MISSING')) throw error
  }
}

/** SMTP_URL names a mail server of your own. */
async function withMail(stops: StopStep[]): Promise<Pick<DevFile, 'mail'>> {
  if (process.env.SMTP_URL) return {}
  const sink = await startSmtpSink(mailFile)
  process.env.SMTP_URL = sink.url
  stops.push({ name: 'mail sink', timeoutMs: 5_000, stop: () => sink.stop() })
  return { mail: mailFile }
}

/** PAYMENTS_URL and PAYMENTS_ACCOUNTS name a provider of your own; it is told where webhooks go. */
async function withPayments(stops: StopStep[]): Promise<ProviderProcess | undefined> {
  if (process.env.PAYMENTS_URL) return undefined
  const accounts = newAccounts(tenants)
  const provider = await ProviderProcess.start({ file: paymentsFile, accounts })
  process.env.PAYMENTS_URL = provider.url
  process.env.PAYMENTS_ACCOUNTS = JSON.stringify(accounts)
  stops.push({ name: 'payment provider', timeoutMs: 5_000, stop: () => provider.stop() })
  return provider
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
