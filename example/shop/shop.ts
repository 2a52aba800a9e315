import { holdfast } from '../../src/operation/builder.ts'
import type { AuditTables } from './audit/table.ts'
import type { Database } from './database.ts'
import type { Mailer } from './notifications/mailer.ts'

export interface Services {
  readonly mailer: Mailer
}

/** What every module of the shop is made with. */
export const shop = holdfast<{ db: Database & AuditTables; services: Services }>()
