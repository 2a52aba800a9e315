import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HoldfastError } from '../base/fault.ts'
import { createLog } from './log.ts'
import { Secret } from './secret.ts'

function collect(format: 'json' | 'pretty' = 'json') {
  const lines: string[] = []
  const log = createLog({ level: 'info', format, write: (line) => lines.push(line) })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') }
}

test('a line has its level, time, fields and message', () => {
  const { log, last } = collect()
  log.with({ operation: 'ordering.place-order' }).warn({ attempt: 2 }, 'retried')
  const { time, ...rest } = last()
  assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/)
  assert.deepEqual(rest, {
    level: 'warn',
    operation: 'ordering.place-order',
    attempt: 2,
    message: 'retried',
  })
})

test('a level below the threshold costs and writes nothing', () => {
  const { log, lines } = collect()
  const trap = {
    get field(): string {
      throw new Error('was read')
    },
  }
  log.debug(trap, 'hidden')
  assert.deepEqual(lines, [])
})

const canaries = [
  { password: 'canary' },
  { user: { passwd: 'canary', deep: { apiKey: 'canary', api_key: 'canary' } } },
  { headers: { authorization: 'Bearer canary', cookie: 'a=canary', 'set-cookie': ['canary'] } },
  { token: 'canary', accessToken: 'canary', refresh_token: 'canary', clientSecret: 'canary' },
  { list: [{ privateKey: 'canary' }] },
  { url: 'postgres://app:canary@db.example/shop' },
  { text: 'sent Authorization: Bearer canary-canary-canary' },
  { key: 'canary' },
  { text: 'the key hf_live_019a5f3e7c1d_canarycanarycanary was refused' },
  { err: new Error('connect postgres://app:canary@db.example/shop failed') },
  { err: new Error('outer', { cause: new Error('Bearer canary-canary') }) },
  { err: new HoldfastError('HF_BUG', undefined, { facts: { password: 'canary' } }) },
  { err: Object.assign(new Error('row'), { detail: 'Key (email)=(canary) already exists.' }) },
  {
    secret: new Secret('canary'),
    other: new Secret('canary'),
    nested: { a: new Secret('canary') },
  },
]

for (const fields of canaries)
  test(`no secret leaves with ${JSON.stringify(Object.keys(fields))}`, () => {
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = collect(format)
      log.error(fields, 'happened')
      log.with(fields).error({}, 'happened')
      assert.equal(lines.length, 2)
      assert.doesNotMatch(lines.join('').replaceAll(/^.*log\.test\.ts.*$/gm, ''), /canary/)
    }
  })

test('ids that only sound like secrets stay readable', () => {
  const { log, last } = collect()
  log.info({ requestId: 'r-1', credentialId: 'key_1', idempotencyKey: 'k-1', tokens: 3 }, 'ok')
  const { requestId, credentialId, tokens } = last()
  assert.deepEqual(
    { requestId, credentialId, tokens },
    { requestId: 'r-1', credentialId: 'key_1', tokens: 3 },
  )
})

test('an error is written with its code, cause and stack, whatever else it carries', () => {
  const { log, last } = collect()
  const cause = Object.assign(new Error('duplicate'), { code: '23505', constraint: 'orders_pkey' })
  log.error({ err: new HoldfastError('HF_BUG', 'Bug: x', { cause }) }, 'failed')
  const { err } = last()
  assert.equal(err.code, 'HF_BUG')
  assert.match(err.stack, /log\.test\.ts/)
  assert.equal(err.cause.code, '23505')
  assert.equal(err.cause.constraint, 'orders_pkey')
})

test('a line stays finite whatever is put into it', () => {
  const { log, lines } = collect()
  const cycle: Record<string, unknown> = {
    big: 'a'.repeat(1e6),
    count: 10n,
    bytes: Buffer.alloc(1e5),
  }
  cycle.self = cycle
  cycle.list = Array.from({ length: 1000 }, (_, index) => ({ index }))
  log.info(cycle, 'large')
  assert.ok((lines[0]?.length ?? 0) < 200_000)
})

test('the pretty form is one line for a person, the stack below it', () => {
  const { log, lines } = collect('pretty')
  log.info({ port: 3000, name: 'two words' }, 'listening')
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d\.\d{3} info {2}listening {2}port=3000 {2}name="two words"\n$/,
  )
  log.info({ step: 'http' }, 'step ended')
  log.error({ err: new Error('broken') }, 'failed')
  assert.match(lines[1] ?? '', /failed {2}err=.*"broken"[^\n]*\n {4}Error: broken\n {4} {4}at /)
})
