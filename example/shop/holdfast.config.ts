import { defineConfig } from '../../src/cli/config.ts'

export const config = defineConfig({
  migrations: [
    { name: 'catalog', directory: './catalog/migrations/' },
    { name: 'ordering', directory: './ordering/migrations/' },
    { name: 'fraud', directory: './fraud/migrations/' },
    { name: 'payments', directory: './payments/migrations/' },
    { name: 'shipping', directory: './shipping/migrations/' },
    { name: 'notifications', directory: './notifications/migrations/' },
    { name: 'reporting', directory: './reporting/migrations/' },
  ],
  types: './database.ts',
  app: './app.ts',
  prove: './prove.ts',
})
