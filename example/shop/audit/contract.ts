import { z } from 'zod'
import { defineList, equals, range } from '../../../src/operation/list-contract.ts'
import { auditId } from '../shared/boundary-id.ts'

/** Who did what, with which outcome. `parent` is the operation that called this one. */
export const AuditEntry = z.object({
  id: auditId.output,
  at: z.iso.datetime(),
  actor: z.string(),
  operation: z.string(),
  outcome: z.string(),
  request_id: z.string(),
  trace_id: z.string(),
  parent: auditId.output.nullable(),
})

const word = z.string().min(1).max(200)

/** Ids are made in the order of time. */
export const ListAudit = defineList({
  name: 'audit.list-entries',
  http: 'GET /v1/audit',
  summary: 'What was done in the tenant, newest first',
  item: AuditEntry,
  filter: {
    actor: equals(word),
    operation: equals(word),
    outcome: equals(word),
    request_id: equals(word),
    at: range(z.iso.datetime()),
  },
  sort: ['id desc', 'id asc'],
})
