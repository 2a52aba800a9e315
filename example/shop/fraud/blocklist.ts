import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { AddBlock, type Block, ListBlocks, RemoveBlock } from './contract.ts'

type BlockRow = InputOf<typeof Block>

export const addBlock = shop.handle(AddBlock, {
  allow: may('fraud:write'),
  async run({ input, tx, scope }) {
    const { kind, reason } = input
    const value = kind === 'email' ? input.value.toLowerCase() : input.value
    return tx.one(sql<BlockRow>`
      INSERT INTO fraud_blocklist (id, kind, value, reason, added_by)
      VALUES (${tx.id()}, ${kind}, ${value}, ${reason}, ${scope.principal.id})
      RETURNING id, kind, value, reason, added_by, added_at`)
  },
})

export const removeBlock = shop.handle(RemoveBlock, {
  allow: may('fraud:write'),
  async run({ input, tx, fail }) {
    const removed = await tx.maybeOne(deleteBlock(input.id))
    if (removed === undefined) throw fail.blockNotFound()
    return removed
  },
})

export const listBlocks = shop.list(ListBlocks, {
  allow: may('fraud:read'),
  from: 'fraud_blocklist',
})

function deleteBlock(id: string): Sql<BlockRow> {
  return sql<BlockRow>`
    DELETE FROM fraud_blocklist WHERE id = ${id}
    RETURNING id, kind, value, reason, added_by, added_at`
}
