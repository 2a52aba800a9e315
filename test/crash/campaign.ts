/**
 * Orders sent by many clients, each at least twice with the same key, while the process that takes
 * them is killed again and again:
 *
 *   node tools/launch.mjs test/crash/campaign.ts --orders 20000 --clients 16 --kills 50 --seed 1
 *
 * A *life* of the process ends by SIGKILL once it has answered a random 20 to 200 requests; the next
 * one starts on the same database. After so many kills the last life serves what is left. Choices
 * (orders, who sends twice at once, when to kill) depend on the seed alone; the moments do not.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { app } from '../../example/shop/app.ts'
import { startSmtpSink } from '../../example/shop/smtp-sink-process.ts'
import { pause, systemClock } from '../../src/base/clock.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { AppDatabase } from '../app-database.ts'
import { ShopProcess } from '../shop-process.ts'
import { addProducts, type TestProduct } from '../shop-products.ts'
import { type Answer, type Life, OrderClient, type WantedOrder } from './order-client.ts'
import { findViolations, readMails, waitingRows } from './order-oracle.ts'

export interface CampaignOptions {
  readonly orders: number
  readonly clients: number
  readonly kills: number
  readonly seed: number
  /** Lets the leases of killed processes run out at once, as if the time had passed. */
  readonly hurry?: boolean
  /** The whole of it, recovery included. */
  readonly timeoutMs?: number
  readonly tell?: (line: string) => void
}

export interface CampaignReport {
  readonly violations: readonly string[]
  /** For each kill, the requests that it cut. */
  readonly cuts: readonly number[]
  readonly placed: number
  readonly refused: number
  /** Requests answered, by status. */
  readonly answers: Readonly<Record<string, number>>
  /** Orders whose first answer came from the key: committed, and the reply lost. */
  readonly foundCommitted: number
  /** Mails that were sent again after a crash, with the same Message-ID. */
  readonly mailCopies: number
  readonly exitCode: number | null
  readonly durationMs: number
}

const PRODUCTS = 40
/** So little of it that many of its orders are refused: a refusal is kept and replayed as well. */
const SCARCE = { sku: 'SCARCE', stock: 25 }
const LIFE_ANSWERS = { min: 20, max: 200 }
const TIMEOUT_MS = 30 * 60_000
const POLL_MS = 100

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const database = await AppDatabase.make(app)
  const folder = mkdtempSync(join(tmpdir(), 'shop-campaign-'))
  const mailFile = join(folder, 'mail.jsonl')
  writeFileSync(mailFile, '')
  const sink = await startSmtpSink(mailFile)
  const campaign = new Campaign(options, database, { SMTP_URL: sink.url })
  try {
    return await campaign.run(mailFile)
  } finally {
    await campaign.end()
    await sink.stop()
    await database.drop()
    rmSync(folder, { recursive: true })
  }
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #database: AppDatabase
  readonly #env: Readonly<Record<string, string>>
  readonly #random: SeededRandom
  readonly #products: readonly TestProduct[]
  readonly #answers = new Map<string, Answer>()
  readonly #lives: Life[] = []
  readonly #statuses: Record<string, number> = {}
  readonly #startedMs = systemClock.monotonicMs()
  #process: ShopProcess | undefined
  #life: Promise<Life>
  #answersLeft = 0
  #killing: Promise<void> = Promise.resolve()
  #foundCommitted = 0
  #failure: unknown

  constructor(options: CampaignOptions, database: AppDatabase, env: Record<string, string>) {
    this.#options = options
    this.#database = database
    this.#env = { ...database.env, ...env }
    this.#random = new SeededRandom(options.seed)
    const stock = 20 * options.orders
    const plenty = Array.from({ length: PRODUCTS }, (_, n) => ({ sku: `THING-${n}`, stock }))
    this.#products = [...plenty, SCARCE]
    this.#life = Promise.reject(new Error('not started'))
    this.#life.catch(() => {})
  }

  async run(mailFile: string): Promise<CampaignReport> {
    await addProducts(this.#database, 'acme', this.#products)
    this.#life = this.#begin()
    await this.#life
    await this.#sendAll()
    await this.#killing
    await this.#recover()
    const exitCode = (await this.#process?.stop()) ?? null
    const answers = this.#answers
    const products = this.#products
    const facts = { database: this.#database, products, answers, mailFile }
    const violations = await findViolations(facts)
    return this.#report({ violations, exitCode, mails: readMails(mailFile).length })
  }

  #report(end: { violations: string[]; exitCode: number | null; mails: number }): CampaignReport {
    const answers = [...this.#answers.values()]
    const placed = answers.filter(({ status }) => status === 201).length
    return {
      violations: end.violations,
      cuts: this.#lives.slice(0, this.#options.kills).map(({ cut }) => cut),
      placed,
      refused: answers.length - placed,
      answers: this.#statuses,
      foundCommitted: this.#foundCommitted,
      mailCopies: end.mails - placed,
      exitCode: end.exitCode,
      durationMs: Math.round(systemClock.monotonicMs() - this.#startedMs),
    }
  }

  async #begin(): Promise<Life> {
    this.#process = await ShopProcess.start(this.#env)
    const life = { api: this.#process.api, cut: 0 }
    this.#lives.push(life)
    this.#answersLeft = this.#random.integer(LIFE_ANSWERS.min, LIFE_ANSWERS.max)
    return life
  }

  async #sendAll(): Promise<void> {
    const apiKey = await this.#database.addKey('acme', 'customer')
    const clients = Array.from({ length: this.#options.clients }, () => {
      const onAnswer = (answer: Answer) => this.#answered(answer)
      return new OrderClient({ apiKey, life: () => this.#current(), onAnswer })
    })
    let next = 0
    const work = async (client: OrderClient) => {
      while (next < this.#options.orders) await this.#placeOrder(client, next++)
    }
    await Promise.all(clients.map(work))
    for (const client of clients) client.close()
  }

  #current(): Promise<Life> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isLate()) throw new Error('The campaign has taken too long.')
    return this.#life
  }

  #isLate(): boolean {
    const takenMs = systemClock.monotonicMs() - this.#startedMs
    return takenMs > (this.#options.timeoutMs ?? TIMEOUT_MS)
  }

  /** Sends one order two or three times: one after the other, or two at once. */
  async #placeOrder(client: OrderClient, index: number): Promise<void> {
    const random = new SeededRandom(this.#options.seed ^ ((index + 1) * 0x9e3779b9))
    const order = this.#orderAt(index, random)
    const how = random.pick(['again', 'together', 'thrice'] as const)
    const first =
      how === 'together'
        ? await Promise.all([client.send(order, 'a'), client.send(order, 'b')])
        : [await client.send(order, 'a')]
    const again = how === 'together' ? [] : [await client.send(order, 'c')]
    const third = how === 'thrice' ? [await client.send(order, 'd')] : []
    const answers = [...first, ...again, ...third]
    if (answers[0]?.replayed && how !== 'together') this.#foundCommitted++
    for (const answer of answers) this.#keep(order.key, answer)
    for (const answer of again) if (!answer.replayed) throw new Error(`${order.key} ran again`)
  }

  #orderAt(index: number, random: SeededRandom): WantedOrder {
    const key = `order-${this.#options.seed}-${index}`
    if (random.integer(1, 10) === 1) return { key, lines: [{ sku: SCARCE.sku, quantity: 1 }] }
    const skus = new Set(Array.from({ length: random.integer(1, 3) }, () => this.#skuOf(random)))
    return { key, lines: [...skus].map((sku) => ({ sku, quantity: random.integer(1, 5) })) }
  }

  #skuOf(random: SeededRandom): string {
    return `THING-${random.integer(0, PRODUCTS - 1)}`
  }

  #keep(key: string, answer: Answer): void {
    const known = this.#answers.get(key)
    if (known === undefined) this.#answers.set(key, answer)
    else if (known.status !== answer.status || known.body !== answer.body) {
      throw new Error(`${key} was answered in two ways: ${JSON.stringify([known, answer])}`)
    }
  }

  #answered({ status }: Answer): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (status >= 500 || --this.#answersLeft !== 0) return
    if (this.#lives.length > this.#options.kills) return
    const victim = this.#process as ShopProcess
    this.#life = this.#replace(victim)
    this.#killing = this.#life.then(
      () => {},
      (error) => {
        this.#failure = error
      },
    )
  }

  /** The kill itself goes out at once: the answers of this moment are not waited for. */
  async #replace(victim: ShopProcess): Promise<Life> {
    await victim.kill()
    if (this.#lives.length % 10 === 0) this.#tell(`${this.#lives.length} kills`)
    return this.#begin()
  }

  #tell(what: string): void {
    const seconds = Math.round((systemClock.monotonicMs() - this.#startedMs) / 1000)
    this.#options.tell?.(`${seconds} s: ${what}, ${this.#answers.size} orders answered`)
  }

  /** Waits until every lease of a killed process has run out and its work was done by others. */
  async #recover(): Promise<void> {
    this.#tell('all sent')
    if (this.#options.hurry) await this.#expireLeases()
    for (;;) {
      const waiting = await waitingRows(this.#database)
      if (Object.values(waiting).every((count) => count === 0)) return
      if (this.#isLate()) throw new Error(`No recovery: ${JSON.stringify(waiting)}`)
      await pause(systemClock, POLL_MS)
    }
  }

  /** Of all processes but the one that runs: it has the newest row, and would only renew it. */
  async #expireLeases(): Promise<void> {
    await this.#database.asLoops(
      `UPDATE holdfast.job_workers SET lease_until = clock_timestamp() - interval '1 s'
 WHERE id < (SELECT max(id) FROM holdfast.job_workers)`,
    )
    await this.#database.asLoops('UPDATE holdfast.subscriptions SET lease_until = NULL')
    await this.#database.asLoops('UPDATE holdfast.jobs SET run_at = clock_timestamp()')
  }

  async end(): Promise<void> {
    await this.#killing
    await this.#process?.kill()
  }
}

function optionsFromArguments(): CampaignOptions {
  const { values } = parseArgs({
    options: {
      orders: { type: 'string', default: '20000' },
      clients: { type: 'string', default: '16' },
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  })
  const { orders, clients, kills, seed } = values
  return {
    orders: Number(orders),
    clients: Number(clients),
    kills: Number(kills),
    seed: Number(seed),
    tell: (line) => console.log(line),
  }
}

/** What a whole campaign must show besides that nothing is violated. */
export function shortcomings(report: CampaignReport, options: CampaignOptions): string[] {
  const { cuts, exitCode, violations } = report
  const inVain = cuts.filter((cut) => cut === 0).length
  return [
    ...violations,
    ...(cuts.length < options.kills ? [`only ${cuts.length} of ${options.kills} kills`] : []),
    ...(inVain > 0 ? [`${inVain} kills have hit no request in flight`] : []),
    ...(exitCode === 0 ? [] : [`the last process ended with ${exitCode}`]),
  ]
}

if (import.meta.main) {
  const options = optionsFromArguments()
  console.log(JSON.stringify(options))
  const report = await runCampaign(options)
  console.log(report)
  const wrong = shortcomings(report, options)
  console.log(wrong.length === 0 ? 'Every order took effect exactly once.' : wrong.join('\n'))
  process.exit(wrong.length === 0 ? 0 : 1)
}
