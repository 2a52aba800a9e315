import { holdfast } from '../../src/operation/builder.ts'
import type { AuditTables } from './audit/table.ts'
import type { Database } from './database.ts'
import type { Mailer } from './notifications/mailer.ts'
import type { PaymentProvider } from './payments/payment-provider-client.ts'

export interface Services {
  readonly mailer: Mailer
  readonly payments: PaymentProvider
}

/** What every module of the shop is made with. */
export const shop = holdfast<{ db: Database & AuditTables; services: Services }>()
