import { z } from 'zod'

type Env = Readonly<Record<string, string | undefined>>

const Config = z.object({
  PAYMENT_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000),
  PAYMENT_URL: z.url(),
})

/** Once, at start; all that is wrong is told at once, and nothing starts. */
export function timeoutMs(env: Env): number {
  const parsed = Config.safeParse(env)
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error))
  return parsed.data.PAYMENT_TIMEOUT_MS
}
