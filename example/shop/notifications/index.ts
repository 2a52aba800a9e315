import { shop } from '../shop.ts'
import { smtpMailer } from './mailer.ts'

export * from './contract.ts'
export { findConfirmation, recordConfirmation, sendConfirmation } from './send-confirmation.ts'

export const module = shop.defineModule({
  name: 'notifications',
  migrations: new URL('./migrations/', import.meta.url),
  services: {
    mailer: { start: () => smtpMailer(process.env), stop: (mailer) => mailer.close() },
  },
})
