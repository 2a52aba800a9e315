import * as audit from './audit/index.ts'
import * as catalog from './catalog/index.ts'
import * as fraud from './fraud/index.ts'
import * as notifications from './notifications/index.ts'
import * as ordering from './ordering/index.ts'
import * as payments from './payments/index.ts'
import * as reporting from './reporting/index.ts'
import * as shipping from './shipping/index.ts'
import { shop } from './shop.ts'

export const app = shop.defineApp({
  modules: [catalog, ordering, fraud, payments, shipping, notifications, reporting, audit],
})

/** How its description names it. */
export const apiInfo = { title: 'Shop', version: '1' }
