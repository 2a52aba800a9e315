export type Log = (level: 'info' | 'error', message: string, fields: object) => void

export async function settle(
  payments: readonly string[],
  pay: (id: string) => Promise<void>,
  log: Log = () => undefined,
) {
  let failed = 0
  for (const id of payments) {
    try {
      await pay(id)
    } catch (error) {
      failed += 1
      log('error', 'payment failed', { payment: id, error: String(error) })
    }
  }
  log('info', 'payments settled', { count: payments.length, failed })
}
