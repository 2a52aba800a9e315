import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRedactor, environmentOf } from './redactor.ts'

const redact = createRedactor([
  ['DATABASE_URL', 'postgres://app:p%40ss-word-9@db.internal:5432/shop'],
  ['PAYMENT_SECRET', 'correct horse battery'],
  ['NODE_ENV', 'production'],
  ['SHORT_TOKEN', 'abc'],
  ['SESSION_KEY_PREFIX', 'not a secret by its name'],
])

test('known values are taken out wherever they turn up, names and hosts stay', () => {
  assert.equal(
    redact('postgres://app:p%40ss-word-9@db.internal:5432/shop with p@ss-word-9 in production'),
    'postgres://app:[redacted]@db.internal:5432/shop with [redacted] in production',
  )
  assert.equal(redact('x correct horse battery y abc'), 'x [redacted] y abc')
  assert.match(redact('not a secret by its name'), /by its name/)
})

test('shapes that give themselves away are taken out', () => {
  const shapes = [
    `sk_${'live'}_51HxAbCdEfGh`,
    `AKIA${'IOSFODNN7EXAMPLE'}`,
    `ghp_${'a'.repeat(36)}`,
    `xoxb-${'1234567890'}-abc`,
    `whsec_${'M'.repeat(32)}`,
    'hf_dev_0123456789abcdef',
    'Bearer abcdefghijklmnop',
    `eyJhbGciOi.${'eyJzdWIiOiIx'}.c2lnbmF0dXJl`,
    `-----BEGIN RSA PRIVATE ${'KEY'}-----\nMIIE\n-----END RSA PRIVATE KEY-----`,
    'https://user:hunter2@example.org',
    'const password = "hunter2hunter2"',
    "apiKey: 'Zm9vYmFyYmF6'",
  ]
  for (const shape of shapes) {
    const told = redact(`before ${shape} after`)
    assert.match(told, /^before .*\[redacted\].* after$/s, shape)
    assert.doesNotMatch(
      told,
      /51HxAb|IOSFODNN|aaaaaa|1234567890|MMMMM|0123456789abcdef|abcdefghijk|c2lnbm|MIIE|hunter2|Zm9vYm/,
    )
  }
})

test('ordinary texts stay as they are', () => {
  for (const text of [
    'The token bucket refills; secrets are kept in a manager.',
    'password: z.string().min(12)',
    'SELECT tokens FROM holdfast.quotas WHERE subject = $1',
    'https://www.postgresql.org/docs/current/limits.html',
  ])
    assert.equal(redact(text), text)
})

test('planted values never survive, whatever stands around them', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      assert.ok(!redact(`${before}correct horse battery${after}`).includes('horse battery'))
    }),
  )
})

test('environment files give names and values', () => {
  const text = '# note\nexport A_SECRET="two words"\nB=1\nC_TOKEN = \'x=y\' \nnonsense\n'
  assert.deepEqual(
    [...environmentOf(text)],
    [
      ['A_SECRET', 'two words'],
      ['B', '1'],
      ['C_TOKEN', 'x=y'],
    ],
  )
})
