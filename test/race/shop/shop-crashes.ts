/** Each command of the shop, with the events and jobs that it brings about, as a program that may die. */
import pg from 'pg'
import { app } from '../../../example/shop/app.ts'
import {
  AdjustStock,
  CreateProduct,
  UpdateProduct,
} from '../../../example/shop/catalog/contract.ts'
import { ImportProducts } from '../../../example/shop/catalog/import-contract.ts'
import {
  AddBlock,
  ApproveOrder,
  RejectOrder,
  RemoveBlock,
} from '../../../example/shop/fraud/contract.ts'
import type { Mail } from '../../../example/shop/notifications/mailer.ts'
import { CancelOrder, PlaceOrder } from '../../../example/shop/ordering/contract.ts'
import { PayOrder, ReceiveWebhook } from '../../../example/shop/payments/contract.ts'
import { BuildDailySales } from '../../../example/shop/reporting/daily-sales-contract.ts'
import { seed } from '../../../example/shop/seed.ts'
import { paymentId } from '../../../example/shop/shared/boundary-id.ts'
import { CreateShipment, MoveShipment } from '../../../example/shop/shipping/contract.ts'
import { appCrash } from '../../../src/prove/app/app-crash.ts'
import { type OpenApp, openApp } from '../../../src/prove/app/open-app.ts'
import type { Crash, CrashWorld } from '../../../src/prove/crash/crash.ts'
import { providerIn } from './provider.ts'
import { csv, ids, staged } from './shop-seed.ts'

/** Every row is compared after every run. */
const SIZE = { products: 4, orders: 3, customers: 2 }

const TENANT = 'acme'
const MERCHANT = { tenant: TENANT, principal: 'key_merchant', permissions: ['*'] }

/** What was there before the program began. */
interface Shop {
  readonly app: OpenApp
  readonly pool: pg.Pool
  readonly product: { readonly id: string; readonly sku: string }
}

interface ShopProgram {
  /** Brings the shop to where the program begins; what it gives is there for the request. */
  readonly before?: (shop: Shop) => Promise<string>
  readonly operation: { readonly name: string }
  readonly input: (shop: Pick<Shop, 'product'>, before: string) => unknown
  readonly ifMatch?: string
}

const body = async (reply: Promise<{ status: number; body: string }>) => {
  const { status, body } = await reply
  if (status >= 300) throw new Error(`The shop answers ${status}: ${body}`)
  return JSON.parse(body) as { id: string; amount_minor: number; currency: string }
}

let keys = 0
const ask = (operation: { readonly name: string }, { app }: Shop, input: unknown) => {
  keys += 1
  return body(app.execute(operation, input, { ...MERCHANT, key: `before-${keys}` }))
}

const lines = ({ product }: Pick<Shop, 'product'>) => [{ sku: product.sku, quantity: 2 }]

async function placed(shop: Shop): Promise<string> {
  const order = { lines: lines(shop), email: 'ann@shop.example' }
  const { id } = await ask(PlaceOrder, shop, order)
  await shop.app.settle()
  return id
}

async function held(shop: Shop): Promise<string> {
  await ask(AddBlock, shop, { kind: 'email', value: 'bob@shop.example', reason: 'stolen cards' })
  const order = { lines: lines(shop), email: 'bob@shop.example' }
  const { id } = await ask(PlaceOrder, shop, order)
  await shop.app.settle()
  return id
}

async function paid(shop: Shop): Promise<string> {
  const id = await placed(shop)
  await ask(PayOrder, shop, { id, source: 'src_card' })
  for (let passes = 0; passes < 3; passes++) {
    await shop.app.settle()
    await shop.app.letTimePass()
  }
  return id
}

/** What the provider is about to tell of a payment that nobody has gone on with. */
async function paying(shop: Shop): Promise<string> {
  const id = await placed(shop)
  const payment = await ask(PayOrder, shop, { id, source: 'src_card' })
  const { amount_minor, currency } = payment
  const reference = paymentId.ids.decode(payment.id)
  const state = { id: `pp_${reference}`, reference, status: 'authorized', version: 1 }
  return JSON.stringify({ ...state, amount_minor, currency })
}

async function sent({ pool }: Shop): Promise<string> {
  const [file] = ids.bodies
  await pool.query(`BEGIN; SELECT set_config('holdfast.tenant', '${TENANT}', true);
    SET LOCAL ROLE holdfast_app; ${staged(file, csv('Desk lamp'), false)} COMMIT`)
  return file
}

const PROGRAMS: Readonly<Record<string, ShopProgram>> = {
  'place an order': {
    operation: PlaceOrder,
    input: (shop) => ({ lines: lines(shop), email: 'ann@shop.example' }),
  },
  'cancel an order': { before: placed, operation: CancelOrder, input: (_, id) => ({ id }) },
  'pay for an order': {
    before: placed,
    operation: PayOrder,
    input: (_, id) => ({ id, source: 'src_card' }),
  },
  'cancel an order that is paid for': {
    before: paid,
    operation: CancelOrder,
    input: (_, id) => ({ id }),
  },
  'ship an order': {
    before: paid,
    operation: CreateShipment,
    input: (_, id) => ({ id, carrier: 'Pigeon' }),
  },
  'hand a shipment over': {
    async before(shop) {
      const order = await paid(shop)
      const { id } = await ask(CreateShipment, shop, { id: order, carrier: 'Pigeon' })
      return id
    },
    operation: MoveShipment,
    input: (_, id) => ({ id, status: 'handed_over' }),
  },
  'approve an order': { before: held, operation: ApproveOrder, input: (_, id) => ({ id }) },
  'reject an order': { before: held, operation: RejectOrder, input: (_, id) => ({ id }) },
  'block a customer': {
    operation: AddBlock,
    input: () => ({ kind: 'customer', value: 'customer_1', reason: 'asks for it' }),
  },
  'unblock a customer': {
    before: async (shop) => {
      const block = { kind: 'customer', value: 'customer_1', reason: 'asks for it' }
      return (await ask(AddBlock, shop, block)).id
    },
    operation: RemoveBlock,
    input: (_, id) => ({ id }),
  },
  'add a product': {
    operation: CreateProduct,
    input: () => ({ sku: 'NEW-1', name: 'New', price_minor: 500, currency: 'EUR', stock: 3 }),
  },
  'change a product': {
    operation: UpdateProduct,
    input: ({ product }) => ({ id: product.id, price_minor: 700 }),
    ifMatch: '"1"',
  },
  'adjust a stock': {
    operation: AdjustStock,
    input: ({ product }) => ({ id: product.id, change: 5 }),
  },
  'hear of a payment': {
    before: paying,
    operation: ReceiveWebhook,
    input: (_, state) => ({
      ...{ type: 'payment.authorized', timestamp: '2026-01-05T08:00:00Z' },
      data: JSON.parse(state),
    }),
  },
  'take in a file': { before: sent, operation: ImportProducts, input: (_, file) => ({ file }) },
  'report a day': { operation: BuildDailySales, input: () => ({ date: '2026-01-05' }) },
}

const BOOKS = {
  'a payment is booked once': `SELECT payment_id, kind FROM payment_ledger
    GROUP BY payment_id, kind HAVING count(*) > 1`,
  'what was charged for cancelled orders is given back': `SELECT o.id FROM orders o
    JOIN payments p ON p.order_id = o.id JOIN payment_ledger l ON l.payment_id = p.id
    WHERE o.status = 'cancelled' GROUP BY o.id HAVING sum(l.amount_minor) <> 0`,
}

export const shopCrashes: Readonly<Record<string, Crash>> = Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, program]) => [name, crashOf(program)]),
)

function crashOf({ before, operation, input, ifMatch }: ShopProgram): Crash {
  let product: Shop['product'] = { id: '', sku: '' }
  let known = ''
  return appCrash({
    app,
    services,
    // Who was first to hear of a state: the one that asked, the one that looked it up, a webhook.
    ignore: ['payment_moves.via', 'payment_moves.request_id', 'holdfast.events.request_id'],
    invariants: BOOKS,
    async seed(url: string) {
      await seed({ url, sizes: { acme: SIZE, globex: SIZE } })
      const pool = new pg.Pool({ connectionString: url })
      try {
        product = await firstProduct(pool)
        const opened = openApp({ app, pool, services: services(atOnce()) })
        known = (await before?.({ app: opened, pool, product })) ?? ''
      } finally {
        await pool.end()
      }
    },
    request: () => ({
      operation,
      input: input({ product }, known),
      asking: { ...MERCHANT, ...(ifMatch !== undefined && { ifMatch }) },
    }),
  })
}

async function firstProduct(pool: pg.Pool): Promise<Shop['product']> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(`SELECT set_config('holdfast.tenant', $1, true)`, [TENANT])
    const { rows } = await client.query<{ id: string; sku: string }>(
      `SELECT 'prd_' || replace(id::text, '-', '') AS id, sku FROM products
        WHERE active AND currency = 'EUR' ORDER BY sku LIMIT 1`,
    )
    return rows[0] as Shop['product']
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

/** Mails are known by their Message-ID, payments by the key of their step. */
function services(world: Pick<CrashWorld, 'call' | 'effectOnce'>) {
  return {
    mailer: {
      send: (mail: Mail) => world.effectOnce('mail', { key: mail.messageId, to: mail.to }),
      close: () => {},
    },
    payments: providerIn(world),
  }
}

/** The outside, before the program begins. */
function atOnce(): Pick<CrashWorld, 'call' | 'effectOnce'> {
  const remembered = new Map<string, unknown>()
  return { call: async (_, act) => act(remembered), effectOnce: async () => {} }
}
