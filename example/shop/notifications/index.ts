import { shop } from '../shop.ts'
import { smtpMailer } from './mailer.ts'

export * from './contract.ts'
export {
  findMail,
  noticeShipments,
  receiptPayments,
  recordMail,
  sendConfirmation,
  sendReceipt,
  sendShippingNotice,
} from './send-mail.ts'

export const module = shop.defineModule({
  name: 'notifications',
  migrations: new URL('./migrations/', import.meta.url),
  services: {
    mailer: { start: () => smtpMailer(process.env), stop: (mailer) => mailer.close() },
  },
})
