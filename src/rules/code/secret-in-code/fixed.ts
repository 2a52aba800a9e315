export interface Secrets {
  readonly paymentKey: string
}

/** Read once at start from what the platform injects; missing means no start. */
export function readSecrets(env: Readonly<Record<string, string | undefined>>): Secrets {
  const paymentKey = env.PAYMENT_KEY
  if (!paymentKey) throw new Error('PAYMENT_KEY is not set')
  return { paymentKey }
}

export function headers({ paymentKey }: Secrets): Record<string, string> {
  return { authorization: `Bearer ${paymentKey}` }
}
