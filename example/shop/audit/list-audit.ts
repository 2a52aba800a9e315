import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { ListAudit } from './contract.ts'

export const listAudit = shop.list(ListAudit, {
  allow: may('audit:read'),
  from: 'holdfast.audit_entries',
})
