import { z } from 'zod'
import { defineCommand, defineJob, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, equals, oneOf } from '../../../src/operation/list-contract.ts'
import { notFound } from '../../../src/operation/problem.ts'
import { importId } from '../shared/boundary-id.ts'

/** A million rows of a catalog, with long descriptions. */
const FILE_BYTES_MAX = 512 * 1024 * 1024

/** A CSV file on its way into the catalog, and how far it has come. */
export const ProductImport = z.object({
  id: importId.output,
  status: z.enum(['running', 'done', 'failed']),
  file_bytes: z.int(),
  file_sha256: z.string(),
  /** Bytes that have been worked through. */
  position: z.int(),
  rows_created: z.int(),
  rows_updated: z.int(),
  /** Each of them stands in the report, once for each column that is wrong. */
  rows_rejected: z.int(),
  findings: z.int(),
  /** Why the file as a whole could not be taken. */
  failure: z.string().nullable(),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
})

export const ImportFinding = z.object({
  no: z.int(),
  line: z.int(),
  column: z.string().nullable(),
  reason: z.string(),
})

const importNotFound = notFound('No such import')

export const ImportProducts = defineCommand({
  name: 'catalog.import-products',
  http: 'POST /v1/products/import',
  summary: 'Take in a CSV file of products',
  description: [
    'The first row names the columns: `sku`, `name`, `price_minor` and `currency`, and, where you want',
    'them, `description`, `stock` and `active`. A product with the SKU is changed, else one is made;',
    '`stock` counts for new products alone. Rows that are not good are left out and stand in the report.',
  ].join(' '),
  status: 202,
  streamed: { field: 'file', contentTypes: ['text/csv'], bytesMax: FILE_BYTES_MAX },
  input: z.object({ file: z.uuid() }),
  output: ProductImport,
  location: ({ id }) => `/v1/product-imports/${id}`,
})

export const GetProductImport = defineQuery({
  name: 'catalog.get-product-import',
  http: 'GET /v1/product-imports/{id}',
  summary: 'How far an import has come',
  input: z.object({ id: importId.input }),
  output: ProductImport,
  problems: { importNotFound },
})

export const ListProductImports = defineList({
  name: 'catalog.list-product-imports',
  http: 'GET /v1/product-imports',
  summary: 'Imports, newest first',
  item: ProductImport,
  filter: { status: oneOf('running', 'done', 'failed') },
  sort: ['created_at desc', 'created_at asc'],
})

export const ListImportFindings = defineList({
  name: 'catalog.list-import-findings',
  http: 'GET /v1/product-imports/{id}/report',
  summary: 'What is wrong with which row of an import',
  item: ImportFinding,
  filter: { id: equals(importId.input) },
  sort: ['no asc', 'no desc'],
  page: { default: 100, max: 1000 },
  problems: { importNotFound },
})

/** One batch; it enqueues the next one until the file has come to its end. */
export const ImportBatch = defineJob({
  name: 'catalog.import-batch',
  summary: 'Take in the next rows of a CSV file',
  payload: z.object({ import_id: z.uuid() }),
  queue: 'imports',
  timeoutMs: 60_000,
  key: ({ import_id }) => import_id,
})
