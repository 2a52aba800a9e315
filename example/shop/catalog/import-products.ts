import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { type StagedFacts, stagedFacts } from '../../../src/operation/staged-content.ts'
import { shop } from '../shop.ts'
import {
  GetProductImport,
  ImportBatch,
  ImportProducts,
  ListImportFindings,
  ListProductImports,
  type ProductImport,
} from './import-contract.ts'

type ImportRow = InputOf<typeof ProductImport>

/** The file is here in full; a job takes it from now on. */
export const importProducts = shop.handle(ImportProducts, {
  allow: may('products:write'),
  limit: { rate: '600/h', per: 'tenant' },
  async run({ input, tx, scope }) {
    const facts = await stagedFacts(tx, input.file)
    const file = facts ?? { bytes: 0, sha256: '', content_type: '' }
    const id = tx.id()
    tx.enqueue(ImportBatch, { import_id: id })
    return tx.one(insertImport(id, scope.principal.id, input.file, file))
  },
})

export const getProductImport = shop.handle(GetProductImport, {
  allow: may('products:write'),
  async run({ input, tx, fail }) {
    const found = await tx.maybeOne(selectImport(input.id))
    if (found === undefined) throw fail.importNotFound()
    return found
  },
})

export const listProductImports = shop.list(ListProductImports, {
  allow: may('products:write'),
  from: 'product_imports',
})

export const listImportFindings = shop.list(ListImportFindings, {
  allow: may('products:write'),
  from: 'product_import_findings',
  key: 'no',
  columns: { id: 'import_id', column: 'column_name' },
  below: { exists: ({ input }) => selectImport(input.id ?? ''), otherwise: 'importNotFound' },
})

const shown = sql`id, status, file_bytes, file_sha256, position, rows_created, rows_updated,
  rows_rejected, findings, failure, created_at, finished_at`

function insertImport(id: string, by: string, content: string, file: StagedFacts): Sql<ImportRow> {
  return sql<ImportRow>`
    INSERT INTO product_imports (id, requested_by, file, file_bytes, file_sha256)
    VALUES (${id}, ${by}, ${content}, ${file.bytes}, ${file.sha256})
    RETURNING ${shown}`
}

function selectImport(id: string): Sql<ImportRow> {
  return sql<ImportRow>`SELECT ${shown} FROM product_imports WHERE id = ${id}`
}
