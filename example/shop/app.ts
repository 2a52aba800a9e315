import * as audit from './audit/index.ts'
import * as catalog from './catalog/index.ts'
import * as notifications from './notifications/index.ts'
import * as ordering from './ordering/index.ts'
import * as reporting from './reporting/index.ts'
import { shop } from './shop.ts'

export const app = shop.defineApp({
  modules: [catalog, ordering, notifications, reporting, audit],
})
