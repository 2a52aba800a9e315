/**
 * The shop as one process of a deployment: the database of DATABASE_URL is migrated and is not
 * touched here. Tells `{ api, admin }` to a parent that listens.
 */
import { startApp } from '../../src/app/start-app.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { apiInfo, app } from './app.ts'
import { mailSettings } from './notifications/mailer.ts'
import { providerSettings } from './payments/payment-provider-client.ts'
import { runProgram } from './run-program.ts'
import { roles } from './shared/roles.ts'

await runProgram(async () => {
  const config = loadConfig(process.env)
  mailSettings(process.env)
  providerSettings(process.env)
  const running = await startApp(app, { config, roles, api: apiInfo })
  running.shutdown.install()
  process.send?.({ api: running.apiUrl, admin: running.adminUrl })
})
