/**
 * The payment provider, a process of its own. The first argument is its store, PROVIDER_ACCOUNTS
 * says whom it knows. Tells its URL to its parent.
 */
import { z } from 'zod'
import { Account, startProvider } from './provider-server.ts'

const file = process.argv[2]
if (file === undefined) {
  process.stderr.write('usage: provider-program.ts <file>\n')
  process.exit(2)
}
const accounts = z.array(Account).parse(JSON.parse(process.env.PROVIDER_ACCOUNTS ?? '[]'))
const port = Number(process.env.PROVIDER_PORT ?? 0)
const provider = await startProvider({ file, port, accounts })
process.send?.({ url: provider.url })

// Ends with its parent, however that ended.
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})
process.on('SIGTERM', () => void provider.stop().then(() => process.exit(0)))
