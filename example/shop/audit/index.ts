import { shop } from '../shop.ts'

export * from './contract.ts'
export { listAudit } from './list-audit.ts'

export const module = shop.defineModule({ name: 'audit' })
