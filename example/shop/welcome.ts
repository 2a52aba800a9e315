import { uuidv7 } from '../../src/base/id.ts'
import type { DevFile } from './dev-file.ts'

export interface Welcome extends DevFile {
  /** Something to order. */
  readonly sku: string
  /** As it is shown. */
  readonly devFile: string
}

/** What a person needs first: addresses, keys, and a line to paste. */
export function welcome(facts: Welcome): string {
  const { api, admin, pid, mail, payments, keys, devFile } = facts
  const rows = keys.map(
    ({ tenant, role, key }) => `    ${tenant.padEnd(8)}${role.padEnd(10)}${key}`,
  )
  return [
    '',
    'The shop is open. Ctrl-C closes it.',
    '',
    `  API      ${api}`,
    `  Admin    ${admin}`,
    ...(payments === undefined ? [] : [`  Payments ${payments}`]),
    ...(mail === undefined ? [] : [`  Mail     ${mail}`]),
    '',
    `  Development API keys (also in ${devFile}):`,
    ...rows,
    '',
    '  Place an order; paste it twice, and it is still one order:',
    '',
    orderLine(facts),
    '',
    '  Pay for it, with the id that came back, and see what became of that:',
    '',
    payLines(facts),
    '',
    `  Or kill -9 ${pid} first, npm start again, and paste it then.`,
    '',
  ].join('\n')
}

function payLines({ api, keys }: Welcome): string {
  const authorization = `-H 'Authorization: Bearer ${customerKey(keys)}'`
  const pay = [
    `curl -sS ${api}/v1/orders/$order/pay`,
    authorization,
    `-H 'Content-Type: application/json'`,
    `-H "Idempotency-Key: pay-$order"`,
    `-d '{"source":"src_card"}'`,
  ].join(' \\\n  ')
  return ['order=ord_...', pay, `curl -sS ${api}/v1/orders/$order/payment ${authorization}`].join(
    '\n',
  )
}

function customerKey(keys: DevFile['keys']): string {
  return keys.find((one) => one.role === 'customer')?.key ?? ''
}

function orderLine({ api, keys, sku }: Welcome): string {
  const key = customerKey(keys)
  return [
    `curl -sS -i ${api}/v1/orders`,
    `-H 'Authorization: Bearer ${key}'`,
    `-H 'Content-Type: application/json'`,
    `-H 'Idempotency-Key: ${uuidv7()}'`,
    `-d '{"lines":[{"sku":"${sku}","quantity":2}]}'`,
  ].join(' \\\n  ')
}
