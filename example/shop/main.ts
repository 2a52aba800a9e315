/**
 * The shop as one process of a deployment: the database of DATABASE_URL is migrated and is not
 * touched here. `main.ts api` answers requests, `main.ts worker` does what they left to do, and
 * without a role a process does both. Tells `{ api, admin }` to a parent that listens.
 */
import { startApp } from '../../src/app/start-app.ts'
import { HoldfastError } from '../../src/base/fault.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { apiInfo, app } from './app.ts'
import { mailSettings } from './notifications/mailer.ts'
import { providerSettings } from './payments/payment-provider-client.ts'
import { runProgram } from './run-program.ts'
import { roles } from './shared/roles.ts'

const does = { api: ['api'], worker: ['loops'], all: ['api', 'loops'] } as const

function roleOf(text = 'all'): keyof typeof does {
  if (Object.hasOwn(does, text)) return text as keyof typeof does
  const roles = Object.keys(does).join(', ')
  throw new HoldfastError('HF_CONFIG_INVALID', `The role is one of ${roles}, and not "${text}".`)
}

await runProgram(async () => {
  const role = roleOf(process.argv[2])
  const config = loadConfig(process.env)
  mailSettings(process.env)
  providerSettings(process.env)
  const running = await startApp(app, { config, roles, api: apiInfo, does: does[role] })
  running.shutdown.install()
  process.send?.({ api: running.apiUrl, admin: running.adminUrl })
})
