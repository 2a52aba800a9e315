/** How the shop talks to its payment provider. Nothing else knows its routes. */
import { z } from 'zod'
import { HoldfastError } from '../../../src/base/fault.ts'
import type { OutputOf } from '../../../src/base/schema.ts'
import type { WebhookKey } from '../../../src/operation/signed-request.ts'
import { type CallScope, outbound } from '../../../src/outbound/outbound-client.ts'
import type { OutboundReply } from '../../../src/outbound/outbound-reply.ts'
import { Secret } from '../../../src/runtime/secret.ts'
import { ProviderState } from './contract.ts'
import type { PaymentStep } from './payment-states.ts'

export type PaymentState = OutputOf<typeof ProviderState>

export interface PaymentRequest {
  readonly payment_id: string
  readonly source: string
  readonly amount_minor: number
  readonly currency: string
  readonly provider_id: string | null
}

/** The credentials of a tenant are those of its account. */
export type ProviderScope = CallScope & { readonly tenant: string }

export interface PaymentProvider {
  /** Takes a step, once however often it is asked for; gives what has become of the payment. */
  take(scope: ProviderScope, step: PaymentStep, payment: PaymentRequest): Promise<PaymentState>
  /** Undefined where the provider has never heard of it. */
  find(scope: ProviderScope, paymentId: string): Promise<PaymentState | undefined>
  readonly webhookKeys: readonly WebhookKey[]
  close(): void
}

export interface ProviderSettings {
  readonly url: string
  readonly accounts: readonly ProviderAccount[]
}

interface ProviderAccount {
  readonly tenant: string
  readonly apiKey: Secret
  readonly webhookSecret: Secret
}

export function paymentProvider({ url, accounts }: ProviderSettings): PaymentProvider {
  const client = outbound.client({
    name: 'payment-provider',
    baseUrl: url,
    // Jobs try again for hours; a step must not hold its place for long.
    timeoutMs: 3_000,
    attemptsMax: 2,
    breaker: { openMs: 1_000 },
  })
  const headersOf = (tenant: string) => {
    const account = accounts.find((each) => each.tenant === tenant)
    if (account === undefined) throw settingsError(`there is no account for the tenant ${tenant}`)
    return { authorization: `Bearer ${account.apiKey.reveal()}` }
  }

  async function find(scope: ProviderScope, key: string): Promise<PaymentState | undefined> {
    const headers = headersOf(scope.tenant)
    const reply = await client.request(scope, 'GET /v1/payments', { query: { key }, headers })
    return reply.status === 404 ? undefined : stateOf(reply)
  }

  return {
    find,
    async take(scope, step, payment) {
      const headers = headersOf(scope.tenant)
      const reply = await (step === 'authorize'
        ? client.request(scope, 'POST /v1/payments', {
            key: payment.payment_id,
            headers,
            body: {
              reference: payment.payment_id,
              source: payment.source,
              amount_minor: payment.amount_minor,
              currency: payment.currency,
            },
          })
        : client.request(scope, `POST /v1/payments/{id}/${step}`, {
            params: { id: payment.provider_id ?? '' },
            key: `${payment.payment_id}-${step}`,
            headers,
          }))
      // Somebody else has moved it meanwhile (a cancellation beside a capture): to where, it tells.
      const found = reply.status === 409 ? await find(scope, payment.payment_id) : undefined
      return found ?? stateOf(reply)
    },
    webhookKeys: accounts.map(({ tenant, webhookSecret: secret }) => ({ tenant, secret })),
    close: () => client.close(),
  }
}

async function stateOf(reply: OutboundReply): Promise<PaymentState> {
  if (reply.ok) return reply.json(ProviderState)
  throw new Error(`The payment provider answered ${reply.status}.`)
}

const Accounts = z.array(
  z.object({ name: z.string(), api_key: z.string(), webhook_secret: z.string() }),
)

/** `PAYMENTS_URL`, and `PAYMENTS_ACCOUNTS`: for each tenant `{ name, api_key, webhook_secret }`. */
export function providerSettings(env: NodeJS.ProcessEnv): ProviderSettings {
  const { PAYMENTS_URL: url = '', PAYMENTS_ACCOUNTS: text = '' } = env
  if (!URL.canParse(url))
    throw settingsError('PAYMENTS_URL must be the URL of the payment provider')
  const accounts = Accounts.safeParse(parsed(text))
  if (!accounts.success) {
    throw settingsError('PAYMENTS_ACCOUNTS must be a list of { name, api_key, webhook_secret }')
  }
  return {
    url,
    accounts: accounts.data.map(({ name, api_key, webhook_secret }) => ({
      tenant: name,
      apiKey: new Secret(api_key),
      webhookSecret: new Secret(webhook_secret),
    })),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function settingsError(complaint: string): HoldfastError {
  return new HoldfastError('HF_CONFIG_INVALID', `${complaint}.`)
}
