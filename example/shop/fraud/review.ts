import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { CancelOrder, OrderCancelled, ReleaseOrder } from '../ordering/contract.ts'
import { orderId } from '../shared/boundary-id.ts'
import { shop } from '../shop.ts'
import { ApproveOrder, GetReview, ListReviews, RejectOrder, type Review } from './contract.ts'

type ReviewRow = InputOf<typeof Review>

const shown = sql`order_id, customer_id, total_minor, currency, score, reasons, status, assessed_at,
  decided_at, decided_by, note`

export const listReviews = shop.list(ListReviews, {
  allow: may('fraud:read'),
  from: 'fraud_assessments',
  key: 'order_id',
})

export const getReview = shop.handle(GetReview, {
  allow: may('fraud:read'),
  async run({ input, tx, fail }) {
    const found = await tx.maybeOne(selectReview(input.id))
    if (found === undefined) throw fail.reviewNotFound()
    return found
  },
})

export const approveOrder = shop.handle(ApproveOrder, {
  allow: may('fraud:write'),
  // Of two decisions one meets no open review: guarded in the statement that decides.
  isolation: 'read committed',
  async run({ input, tx, scope, fail }) {
    const decided = await tx.maybeOne(decide('approved', input, scope.principal.id))
    if (decided === undefined) throw await undecidable(tx, input.id, fail)
    await tx.call(ReleaseOrder, { id: decided.order_id })
    return decided
  },
})

export const rejectOrder = shop.handle(RejectOrder, {
  allow: may('fraud:write'),
  isolation: 'read committed',
  async run({ input, tx, scope, fail }) {
    const decided = await tx.maybeOne(decide('rejected', input, scope.principal.id))
    if (decided === undefined) throw await undecidable(tx, input.id, fail)
    await tx.call(CancelOrder, { id: orderId.ids.encode(decided.order_id) })
    return decided
  },
})

/** Whoever cancels an order that is held has nothing reviewed any more. */
export const withdrawReview = shop.subscribe(OrderCancelled, {
  name: 'fraud.withdraw-review',
  isolation: 'read committed',
  run({ event, tx }) {
    tx.defer(sql`
      UPDATE fraud_assessments SET status = 'withdrawn', decided_at = now()
      WHERE order_id = ${event.payload.order_id} AND status = 'open'`)
  },
})

interface Reading {
  maybeOne(statement: Sql<ReviewRow>): Promise<ReviewRow | undefined>
}

async function undecidable(
  tx: Reading,
  id: string,
  fail: { reviewNotFound(): Error; reviewDecided(): Error },
): Promise<Error> {
  const found = await tx.maybeOne(selectReview(id))
  return found === undefined ? fail.reviewNotFound() : fail.reviewDecided()
}

function selectReview(id: string): Sql<ReviewRow> {
  return sql<ReviewRow>`SELECT ${shown} FROM fraud_assessments WHERE order_id = ${id}`
}

function decide(
  status: 'approved' | 'rejected',
  { id, note }: { readonly id: string; readonly note?: string | undefined },
  by: string,
): Sql<ReviewRow> {
  return sql<ReviewRow>`
    UPDATE fraud_assessments
    SET status = ${status}, decided_at = now(), decided_by = ${by}, note = ${note ?? null}
    WHERE order_id = ${id} AND status = 'open'
    RETURNING ${shown}`
}
