/** What every app of the comparison agrees on: tenant, products, request and reply. */
export const TENANT = 'bench'
export const PRODUCTS = 10_000

export interface PlaceBody {
  readonly sku: string
  readonly quantity: number
}

export interface PlacedOrder {
  readonly id: string
  readonly customer_id: string
  readonly total_minor: number
  readonly line: { readonly sku: string; readonly quantity: number; readonly price_minor: number }
}

/** The process that measures asks over IPC; CPU time is this process's alone. */
export interface AppReport {
  readonly cpuUs: number
  /** Of its main thread: the rest is garbage collection, compilation and threads of its own. */
  readonly mainCpuUs: number
  readonly rssBytes: number
}

export function answerReports(): void {
  process.on('message', (message) => {
    if (message !== 'report') return
    const { user, system } = process.cpuUsage()
    const main = process.threadCpuUsage()
    const mainCpuUs = main.user + main.system
    process.send?.({ cpuUs: user + system, mainCpuUs, rssBytes: process.memoryUsage.rss() })
  })
}

export function ready(url: string, key?: string): void {
  process.send?.({ ready: url, key })
}
