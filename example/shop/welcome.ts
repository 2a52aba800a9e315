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
  const { api, admin, pid, mail, keys, devFile } = facts
  const rows = keys.map(
    ({ tenant, role, key }) => `    ${tenant.padEnd(8)}${role.padEnd(10)}${key}`,
  )
  return [
    '',
    'The shop is open. Ctrl-C closes it.',
    '',
    `  API    ${api}`,
    `  Admin  ${admin}`,
    ...(mail === undefined ? [] : [`  Mail   ${mail}`]),
    '',
    `  Development API keys (also in ${devFile}):`,
    ...rows,
    '',
    '  Place an order; paste it twice, and it is still one order:',
    '',
    orderLine(facts),
    '',
    `  Or kill -9 ${pid} first, npm start again, and paste it then.`,
    '',
  ].join('\n')
}

function orderLine({ api, keys, sku }: Welcome): string {
  const key = keys.find((one) => one.role === 'customer')?.key ?? ''
  return [
    `curl -sS -i ${api}/v1/orders`,
    `-H 'Authorization: Bearer ${key}'`,
    `-H 'Content-Type: application/json'`,
    `-H 'Idempotency-Key: ${uuidv7()}'`,
    `-d '{"lines":[{"sku":"${sku}","quantity":2}]}'`,
  ].join(' \\\n  ')
}
