/**
 * What must be true of the database once every order was answered: each key has taken effect exactly
 * once, in every table, whatever was killed in between. Gives what is wrong, as text; nothing else.
 */
import { readFileSync } from 'node:fs'
import type { SunkMail } from '../../example/shop/smtp-sink.ts'
import type { AppDatabase } from '../app-database.ts'
import type { TestProduct } from '../shop-products.ts'
import type { Answer } from './order-client.ts'

export interface Facts {
  readonly database: AppDatabase
  /** As they were before the first order. */
  readonly products: readonly TestProduct[]
  /** The one answer of each key. */
  readonly answers: ReadonlyMap<string, Answer>
  readonly mailFile: string
}

interface PlacedOrder {
  readonly id: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
}

export async function findViolations(facts: Facts): Promise<string[]> {
  const { database, answers, products } = facts
  const bodies = [...answers.values()].filter(({ status }) => status === 201)
  const orders = bodies.map(({ body }) => JSON.parse(body) as PlacedOrder)
  const placed = orders.map(({ id }) => uuidOf(id))
  const checks = await Promise.all([
    exactlyOne('orders', placed, await tally(database, ORDERS)),
    exactlyOne('events', placed, await tally(database, EVENTS)),
    exactlyOne('jobs done', placed, await tally(database, JOBS)),
    exactlyOne('confirmations', placed, await tally(database, CONFIRMATIONS)),
    exactlyOne('audit entries', [...answers.keys()], await tally(database, AUDIT)),
    exactlyOne('audit entries of reserve-stock', placed, await tally(database, RESERVATIONS)),
    exactlyOne('kept keys', [...answers.keys()], await tally(database, KEYS)),
    keptReplies(facts),
    stockAddsUp(database, products, orders),
    salesAddUp(database, orders),
    nothingIsLeft(database),
  ])
  return [...checks.flat(), ...mailsAreSent(facts, orders)]
}

/** Rows by what they belong to: an order or a key. */
type Tally = ReadonlyMap<string, number>

const ORDERS = `SELECT id::text AS of, count(*)::int AS n FROM orders GROUP BY 1`
const EVENTS = `SELECT payload->>'order_id' AS of, count(*)::int AS n FROM holdfast.events
 WHERE name = 'ordering.order-placed' GROUP BY 1`
const JOBS = `SELECT payload->>'order_id' AS of, count(*)::int AS n FROM holdfast.job_history
 WHERE name = 'notifications.send-confirmation' AND outcome = 'done' GROUP BY 1`
const CONFIRMATIONS = `SELECT split_part(cause, '/', 2) AS of, count(*)::int AS n FROM sent_mails
 WHERE cause LIKE 'order-confirmation/%' GROUP BY 1`
const KEYS = `SELECT key AS of, count(*)::int AS n FROM holdfast.idempotency_keys
 WHERE operation = 'ordering.place-order' GROUP BY 1`
/** A request id is `<key>.<sender><attempt>`. */
const AUDIT = `SELECT split_part(request_id, '.', 1) AS of, count(*)::int AS n
 FROM holdfast.audit_entries WHERE operation = 'ordering.place-order' GROUP BY 1`
/** Each names the entry of its order as its parent, and the event of that request its order. */
const RESERVATIONS = `SELECT event.payload->>'order_id' AS of, count(*)::int AS n
 FROM holdfast.audit_entries entry
 JOIN holdfast.audit_entries parent ON parent.tenant = entry.tenant AND parent.id = entry.parent
 JOIN holdfast.events event ON event.request_id = parent.request_id
   AND event.name = 'ordering.order-placed'
 WHERE entry.operation = 'catalog.reserve-stock' AND entry.outcome = 'ok' AND parent.outcome = 'ok'
 GROUP BY 1`

async function tally(database: AppDatabase, text: string): Promise<Tally> {
  const rows = await database.rows<{ of: string; n: number }>(text)
  return new Map(rows.map(({ of, n }) => [of, n]))
}

const SHOWN_MAX = 5

function exactlyOne(what: string, wanted: readonly string[], found: Tally): string[] {
  const missing = wanted.filter((each) => !found.has(each))
  const repeated = [...found].filter(([, n]) => n !== 1).map(([each, n]) => `${each} x ${n}`)
  const known = new Set(wanted)
  const strange = [...found.keys()].filter((each) => !known.has(each))
  return [
    ...complaint(`${what}: missing`, missing),
    ...complaint(`${what}: more than one`, repeated),
    ...complaint(`${what}: for nobody`, strange),
  ]
}

function complaint(what: string, cases: readonly string[]): string[] {
  if (cases.length === 0) return []
  return [`${what} (${cases.length}): ${cases.slice(0, SHOWN_MAX).join(', ')}`]
}

/** Byte for byte what the caller was answered, however often it asked. */
async function keptReplies({ database, answers }: Facts): Promise<string[]> {
  const rows = await database.rows<{ key: string; status: number; body: string }>(
    `SELECT key, status, body FROM holdfast.idempotency_keys WHERE operation = 'ordering.place-order'`,
  )
  const other = rows.filter(({ key, status, body }) => {
    const answer = answers.get(key)
    return answer?.status !== status || answer.body !== body
  })
  return complaint(
    'kept replies that nobody was answered',
    other.map(({ key }) => key),
  )
}

function unitsBySku(orders: readonly PlacedOrder[]): Map<string, number> {
  const units = new Map<string, number>()
  for (const { sku, quantity } of orders.flatMap(({ lines }) => lines)) {
    units.set(sku, (units.get(sku) ?? 0) + quantity)
  }
  return units
}

async function stockAddsUp(
  database: AppDatabase,
  products: readonly TestProduct[],
  orders: readonly PlacedOrder[],
): Promise<string[]> {
  const rows = await database.rows<{ sku: string; stock: number }>(
    'SELECT sku, stock FROM products',
  )
  const left = new Map(rows.map(({ sku, stock }) => [sku, stock]))
  const sold = unitsBySku(orders)
  const wrong = products.filter(({ sku, stock }) => left.get(sku) !== stock - (sold.get(sku) ?? 0))
  const tell = ({ sku, stock }: TestProduct) =>
    `${sku}: ${stock} - ${sold.get(sku) ?? 0} sold, ${left.get(sku)} left`
  return complaint('stock that does not add up', wrong.map(tell))
}

/** What a subscription counted, event by event. */
async function salesAddUp(
  database: AppDatabase,
  orders: readonly PlacedOrder[],
): Promise<string[]> {
  const rows = await database.rows<{ sku: string; units: number }>(
    'SELECT sku, units::int AS units FROM product_sales',
  )
  const counted = new Map(rows.map(({ sku, units }) => [sku, units]))
  const wrong = [...unitsBySku(orders)].filter(([sku, units]) => counted.get(sku) !== units)
  const tell = ([sku, units]: [string, number]) =>
    `${sku}: ${units} sold, ${counted.get(sku)} counted`
  return complaint('sales that were counted wrongly', wrong.map(tell))
}

/** Rows that wait for somebody; all of them are gone once everything has recovered. */
export async function waitingRows(database: AppDatabase): Promise<Record<string, number>> {
  const [row] = await database.rows<Record<string, number>>(`SELECT
 (SELECT count(*)::int FROM holdfast.jobs) AS jobs,
 (SELECT count(*)::int FROM holdfast.running_jobs) AS "running jobs",
 (SELECT count(*)::int FROM holdfast.dead_jobs) AS "dead jobs",
 (SELECT count(*)::int FROM holdfast.parked_events) AS "parked events",
 (SELECT count(*)::int FROM holdfast.events WHERE name = 'ordering.order-placed' AND position >
   (SELECT position FROM holdfast.subscriptions WHERE name = 'reporting.count-placed')) AS events`)
  return row as Record<string, number>
}

async function nothingIsLeft(database: AppDatabase): Promise<string[]> {
  const left = Object.entries(await waitingRows(database)).filter(([, count]) => count > 0)
  return left.map(([what, count]) => `${count} ${what} left`)
}

/**
 * Each order's mail was sent. A crash between the mail server's yes and our note of it sends a copy
 * with the same Message-ID, by which the receiver knows it: one mail to whoever reads it.
 */
function mailsAreSent({ mailFile }: Facts, orders: readonly PlacedOrder[]): string[] {
  const sent = new Set(readMails(mailFile).map(({ message_id }) => message_id))
  const wanted = orders.map(({ id }) => `<${id}@acme.shop.example>`)
  const known = new Set(wanted)
  return [
    ...complaint(
      'mails: missing',
      wanted.filter((id) => !sent.has(id)),
    ),
    ...complaint(
      'mails: for nobody',
      [...sent].filter((id) => !known.has(id)),
    ),
  ]
}

export function readMails(file: string): SunkMail[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SunkMail)
}

function uuidOf(id: string): string {
  const hex = id.slice('ord_'.length)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
