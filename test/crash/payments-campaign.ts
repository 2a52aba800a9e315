/**
 * A storm over payments: two processes of the shop and one of the provider, clients that place, pay
 * and cancel, a provider that is slow, dead and lying, webhooks late, repeated and out of order, and
 * SIGKILL for each of the three. Whatever was answered, in the end every order is charged at most
 * once, no payment is undecided, and the ledgers of both sides agree.
 *
 *   node tools/launch.mjs test/crash/payments-campaign.ts --orders 2000 --kills 30
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { app } from '../../example/shop/app.ts'
import { FaultKind } from '../../example/shop/payment-provider/faults.ts'
import {
  newAccounts,
  ProviderProcess,
} from '../../example/shop/payment-provider/provider-process.ts'
import { startSmtpSink } from '../../example/shop/smtp-sink-process.ts'
import { pause, systemClock } from '../../src/base/clock.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { AppDatabase } from '../app-database.ts'
import { ShopProcess } from '../shop-process.ts'
import { addProducts } from '../shop-products.ts'
import { PayingClient } from './paying-client.ts'
import { paidOrders, paymentViolations, undecided } from './payments-oracle.ts'

export interface PaymentsCampaignOptions {
  readonly orders: number
  readonly clients: number
  /** Of the three processes, one after the other. */
  readonly kills: number
  readonly seed: number
  /** The whole of it, recovery included. */
  readonly timeoutMs: number
  readonly tell?: (line: string) => void
}

export interface PaymentsReport {
  readonly violations: readonly string[]
  readonly kills: Readonly<Record<string, number>>
  readonly faults: number
  /** Payments by what they came to. */
  readonly ends: Readonly<Record<string, number>>
  /** Requests of clients that were made again. */
  readonly retries: number
  readonly durationMs: number
}

const POLL_MS = 100
/** Between two strokes of bad luck. */
const STROKE_MS = 100
const STEPS = ['authorize', 'capture', 'void', 'refund', 'find'] as const
const VICTIMS = ['shop', 'helper', 'provider'] as const
type Victim = (typeof VICTIMS)[number]

export async function runPaymentsCampaign(
  options: PaymentsCampaignOptions,
): Promise<PaymentsReport> {
  const folder = mkdtempSync(join(tmpdir(), 'shop-payments-'))
  const database = await AppDatabase.make(app)
  const sink = await startSmtpSink(join(folder, 'mail.jsonl'))
  const storm = new Storm(options, database, join(folder, 'provider.db'), sink.url)
  try {
    return await storm.run()
  } finally {
    await storm.end()
    await sink.stop()
    await database.drop()
    rmSync(folder, { recursive: true })
  }
}

class Storm {
  readonly #options: PaymentsCampaignOptions
  readonly #database: AppDatabase
  readonly #random: SeededRandom
  readonly #accounts = newAccounts(['acme'])
  readonly #file: string
  readonly #smtpUrl: string
  readonly #startedMs = systemClock.monotonicMs()
  readonly #kills: Record<Victim, number> = { shop: 0, helper: 0, provider: 0 }
  #ports: Readonly<Record<Victim, number>> = { shop: 0, helper: 0, provider: 0 }
  #processes: Partial<Record<'shop' | 'helper', ShopProcess>> = {}
  #provider: ProviderProcess | undefined
  #faults = 0
  #calm = false

  constructor(
    options: PaymentsCampaignOptions,
    database: AppDatabase,
    file: string,
    smtpUrl: string,
  ) {
    this.#options = options
    this.#database = database
    this.#random = new SeededRandom(options.seed)
    this.#file = file
    this.#smtpUrl = smtpUrl
  }

  async run(): Promise<PaymentsReport> {
    await addProducts(this.#database, 'acme', [{ sku: 'THING', stock: 1_000_000 }])
    const [shop, helper, provider] = [await freePort(), await freePort(), await freePort()]
    this.#ports = { shop, helper, provider }
    for (const each of ['provider', 'shop', 'helper'] as const) await this.#start(each)
    const clients = await this.#clients()
    const work = Promise.all(clients.map((client) => client.run())).finally(() => {
      this.#calm = true
    })
    await Promise.all([work, this.#storm()])
    await this.#recover()
    const state = await (this.#provider as ProviderProcess).admin.state()
    const payments = await paidOrders(this.#database)
    return {
      violations: [
        ...(await paymentViolations(this.#database, state)),
        ...clients.flatMap((client) => client.violations(payments)),
      ],
      kills: this.#kills,
      faults: this.#faults,
      ends: counted(payments.map(({ status }) => status)),
      retries: clients.reduce((sum, { retries }) => sum + retries, 0),
      durationMs: Math.round(systemClock.monotonicMs() - this.#startedMs),
    }
  }

  async #clients(): Promise<readonly PayingClient[]> {
    const { clients, orders, seed } = this.#options
    const share = Math.ceil(orders / clients)
    const api = `http://127.0.0.1:${this.#ports.shop}`
    const make = async (_: unknown, index: number) => {
      const apiKey = await this.#database.addKey('acme', 'customer')
      const check = () => this.#check()
      return new PayingClient({ api, apiKey, orders: share, seed: seed ^ (index + 1), check })
    }
    return Promise.all(Array.from({ length: clients }, make))
  }

  async #start(victim: Victim): Promise<void> {
    if (victim === 'provider') {
      const { provider: port } = this.#ports
      const options = { file: this.#file, accounts: this.#accounts, port }
      this.#provider = await ProviderProcess.start(options)
      const url = `http://127.0.0.1:${this.#ports.shop}/v1/webhooks/payments`
      return this.#provider.admin.sendWebhooksTo(url)
    }
    this.#processes[victim] = await ShopProcess.start({
      ...this.#database.env,
      PORT: String(this.#ports[victim]),
      SMTP_URL: this.#smtpUrl,
      PAYMENTS_URL: `http://127.0.0.1:${this.#ports.provider}`,
      PAYMENTS_ACCOUNTS: JSON.stringify(this.#accounts),
      // The kills are loud: what the processes say of each other's end is not what is looked at.
      LOG_LEVEL: 'silent',
    })
  }

  /** Faults without a pause, a kill now and then, until the clients are through and all are killed. */
  async #storm(): Promise<void> {
    let left = this.#options.kills
    while (!this.#calm || left > 0) {
      this.#check()
      const turn = this.#random.integer(1, 4)
      if (turn === 2) await this.#disturbWebhooks()
      else for (const step of STEPS) await this.#arm(step)
      const kills = left > 0 && (turn === 1 || this.#calm)
      if (kills) await this.#kill(VICTIMS[left-- % VICTIMS.length] as Victim)
      await pause(systemClock, STROKE_MS)
    }
  }

  async #kill(victim: Victim): Promise<void> {
    this.#kills[victim]++
    await (victim === 'provider' ? this.#provider : this.#processes[victim])?.kill()
    this.#options.tell?.(`killed ${victim}`)
    await this.#start(victim)
  }

  async #arm(step: (typeof STEPS)[number]): Promise<void> {
    this.#faults++
    await this.#provider?.admin.fail({
      kind: this.#random.pick(FaultKind.options),
      step,
      count: this.#random.integer(1, 3),
      delay_ms: this.#random.integer(0, 2_000),
    })
  }

  async #disturbWebhooks(): Promise<void> {
    const copies = this.#random.integer(0, 3)
    const delay_ms_max = this.#random.pick([0, 200, 2_000, 60_000])
    await this.#provider?.admin.webhooks({ copies, delay_ms_max })
  }

  #check(): void {
    const takenMs = systemClock.monotonicMs() - this.#startedMs
    if (takenMs > this.#options.timeoutMs) throw new Error(`The storm is not over in ${takenMs} ms`)
  }

  /** No more faults; what waits for its time has it now, and leases of the killed have run out. */
  async #recover(): Promise<void> {
    const { admin } = this.#provider as ProviderProcess
    await admin.clear()
    await this.#expireLeases()
    for (;;) {
      this.#check()
      await this.#hurry()
      const [left, state] = [await this.#left(), await admin.state()]
      if (left.length === 0 && state.webhooks_waiting === 0) return
      this.#options.tell?.(`${left.join(', ')}; ${state.webhooks_waiting} webhooks`)
      await pause(systemClock, POLL_MS)
    }
  }

  async #left(): Promise<string[]> {
    const open = undecided(await paidOrders(this.#database)).length
    const [row] = await this.#database.rows<Record<string, number>>(`SELECT
 (SELECT count(*)::int FROM holdfast.jobs WHERE queue = 'payments') AS jobs,
 (SELECT count(*)::int FROM holdfast.running_jobs WHERE queue = 'payments') AS running,
 (SELECT count(*)::int FROM orders o JOIN payments p ON p.order_id = o.id
  WHERE o.status = 'cancelled' AND p.goal = 'paid' AND p.status <> 'declined') AS unheard`)
    return Object.entries({ open, ...row })
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`)
  }

  async #expireLeases(): Promise<void> {
    await this.#database.asLoops('UPDATE holdfast.subscriptions SET lease_until = NULL')
    // The two newest workers are those of the processes that run.
    await this.#database.asLoops(
      `UPDATE holdfast.job_workers SET lease_until = clock_timestamp() - interval '1 s'
 WHERE id NOT IN (SELECT id FROM holdfast.job_workers ORDER BY id DESC LIMIT 2)`,
    )
  }

  async #hurry(): Promise<void> {
    await this.#database.asLoops(
      `UPDATE holdfast.jobs SET run_at = clock_timestamp() WHERE run_at > clock_timestamp()`,
    )
  }

  async end(): Promise<void> {
    this.#calm = true
    const { shop, helper } = this.#processes
    await Promise.all([shop?.kill(), helper?.kill(), this.#provider?.kill()])
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function counted(words: readonly string[]): Record<string, number> {
  const groups = Map.groupBy(words, (word) => word)
  return Object.fromEntries([...groups].map(([word, all]) => [word, all.length]))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      orders: { type: 'string', default: '2000' },
      clients: { type: 'string', default: '16' },
      kills: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  })
  const { orders, clients, kills, seed } = values
  const report = await runPaymentsCampaign({
    orders: Number(orders),
    clients: Number(clients),
    kills: Number(kills),
    seed: Number(seed),
    timeoutMs: 30 * 60_000,
    tell: (line) => console.log(line),
  })
  console.log(`seed ${seed}`, report)
  process.exit(report.violations.length === 0 ? 0 : 1)
}
