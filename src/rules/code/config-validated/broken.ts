type Env = Readonly<Record<string, string | undefined>>

/** Each place reads what it needs, when it needs it: the typo shows at the first payment. */
export function timeoutMs(env: Env): number {
  return Number(env.PAYMENT_TIMEOUT_MS)
}
