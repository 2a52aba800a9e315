import { z } from 'zod'
import { defineCommand, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, equals, prefix, range } from '../../../src/operation/list-contract.ts'
import { conflict, invalid, notFound, preconditionFailed } from '../../../src/operation/problem.ts'
import { productId } from '../shared/boundary-id.ts'
import { currency, LINES_MAX, priceMinor, QUANTITY_MAX } from '../shared/money.ts'

/** Pieces of one product; below the range of a Postgres integer with room for additions. */
const STOCK_MAX = 1_000_000_000

export const sku = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 of A-Z, 0-9, dot, underscore and dash')
  .meta({ examples: ['OAK-LAM-00042'] })
export const productName = z.string().trim().min(1).max(200)
export const productDescription = z.string().trim().max(5000)
export const stockCount = z.int().min(0).max(STOCK_MAX)

/** A product as a merchant edits it. Stock is not part of it: a sale is no edit (see Stock). */
export const Product = z.object({
  id: productId.output,
  sku: z.string(),
  name: z.string(),
  description: z.string(),
  price_minor: z.int(),
  currency: z.string(),
  active: z.boolean(),
  version: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

/** A product as a list shows it, with the pieces left at the time of reading. */
export const ListedProduct = Product.extend({ stock: z.int() })

export const Stock = z.object({ id: productId.output, sku: z.string(), stock: z.int() })

const productNotFound = notFound('No such product')

export const CreateProduct = defineCommand({
  name: 'catalog.create-product',
  http: 'POST /v1/products',
  summary: 'Add a product',
  status: 201,
  input: z.object({
    sku,
    name: productName,
    description: productDescription.default(''),
    price_minor: priceMinor,
    currency,
    stock: stockCount.default(0),
  }),
  output: Product,
  etag: (product) => product.version,
  problems: {
    skuTaken: conflict('The SKU is taken', { constraint: 'products_sku_key' }),
  },
})

export const GetProduct = defineQuery({
  name: 'catalog.get-product',
  http: 'GET /v1/products/{id}',
  summary: 'One product',
  input: z.object({ id: productId.input }),
  output: Product,
  etag: (product) => product.version,
  problems: { productNotFound },
})

export const ListProducts = defineList({
  name: 'catalog.list-products',
  http: 'GET /v1/products',
  summary: 'Products of the tenant',
  item: ListedProduct,
  filter: {
    active: equals(z.boolean()),
    price_minor: range(priceMinor),
    sku: prefix(z.string().min(1).max(64)),
  },
  sort: ['created_at desc', 'created_at asc', 'price_minor asc', 'price_minor desc', 'sku asc'],
})

/** `matched` is what `q` was compared with: the name in lower case. */
export const SearchProducts = defineList({
  name: 'catalog.search-products',
  http: 'GET /v1/products/search',
  summary: 'Products whose name begins with a text',
  item: ListedProduct.extend({ matched: z.string() }),
  filter: { active: equals(z.boolean()) },
  sort: ['matched asc', 'matched desc'],
  search: {},
})

/** The currency of a product never changes: what was sold in it must keep its meaning. */
export const UpdateProduct = defineCommand({
  name: 'catalog.update-product',
  http: 'PATCH /v1/products/{id}',
  summary: 'Change a product',
  description:
    'Send the ETag that was read in If-Match. Fields that are left out stay as they are.',
  ifMatch: 'required',
  input: z.object({
    id: productId.input,
    name: productName.optional(),
    description: productDescription.optional(),
    price_minor: priceMinor.optional(),
    active: z.boolean().optional(),
  }),
  output: Product,
  etag: (product) => product.version,
  problems: {
    productNotFound,
    productChanged: preconditionFailed('The product has changed'),
  },
})

export const GetStock = defineQuery({
  name: 'catalog.get-stock',
  http: 'GET /v1/products/{id}/stock',
  summary: 'Pieces left of a product',
  input: z.object({ id: productId.input }),
  output: Stock,
  problems: { productNotFound },
})

/** A difference, never an absolute number: a count made before the last sale must not undo it. */
export const AdjustStock = defineCommand({
  name: 'catalog.adjust-stock',
  http: 'POST /v1/products/{id}/stock',
  summary: 'Add pieces to the stock of a product, or take some away',
  input: z.object({
    id: productId.input,
    change: z
      .int()
      .min(-STOCK_MAX)
      .max(STOCK_MAX)
      .refine((change) => change !== 0, 'must not be 0'),
  }),
  output: Stock,
  problems: {
    productNotFound,
    stockOutOfRange: conflict('The stock would leave its range', {
      constraint: 'products_stock_check',
      description: `Stock stays between 0 and ${STOCK_MAX}.`,
    }),
  },
})

const Wanted = z.object({ sku, quantity: z.int().min(1).max(QUANTITY_MAX) })

/** Each SKU once: two lines of one product would be two truths about its quantity. */
export const wantedLines = z
  .array(Wanted)
  .min(1)
  .max(LINES_MAX)
  .superRefine((lines, context) => {
    const seen = new Set<string>()
    lines.forEach((line, index) => {
      if (seen.has(line.sku)) {
        context.addIssue({ code: 'custom', path: [index, 'sku'], message: 'stands here twice' })
      }
      seen.add(line.sku)
    })
  })

export const Reserved = z.object({
  product_id: z.uuid(),
  sku: z.string(),
  name: z.string(),
  price_minor: z.int(),
  currency: z.string(),
  quantity: z.int(),
})

const Skus = z.object({ skus: z.array(z.string()) })

export const reservationProblems = {
  insufficientStock: conflict('Insufficient stock', Skus, {
    description: 'Names the SKUs of which fewer pieces are left than were asked for.',
  }),
  unknownProduct: invalid('Unknown product', Skus, {
    description: 'Names the SKUs that are not on sale.',
  }),
}

/** For other modules, inside their transaction: takes the pieces or fails, and tells the prices. */
export const ReserveStock = defineCommand({
  name: 'catalog.reserve-stock',
  summary: 'Take pieces from the stock',
  input: z.object({ lines: wantedLines }),
  output: z.object({ lines: z.array(Reserved) }),
  problems: reservationProblems,
})

/** For other modules, inside their transaction: gives back what ReserveStock took. */
export const ReturnStock = defineCommand({
  name: 'catalog.return-stock',
  summary: 'Put pieces back into the stock',
  input: z.object({
    lines: z.array(z.object({ product_id: z.uuid(), quantity: z.int().min(1) })).max(LINES_MAX),
  }),
  output: z.object({}),
})
