import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signWebhook, verifyWebhook, webhookSecret } from './standard-webhooks.ts'

/** The vector of the reference libraries. */
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}
const secret = webhookSecret(vector.secret)
const other = Buffer.alloc(32, 7)
const TOLERANCE_MS = 300_000

function received(headers: Record<string, string | string[] | undefined>, body = vector.body) {
  const nowMs = vector.timestampS * 1000
  return { headers, body: Buffer.from(body), nowMs, toleranceMs: TOLERANCE_MS }
}

test('the vector of the specification is signed and verified', () => {
  const headers = signWebhook(vector, [secret])
  assert.equal(headers['webhook-signature'], vector.signature)
  const verified = verifyWebhook(received(headers), [other, secret])
  assert.deepEqual(verified, { ok: true, id: vector.id, secretIndex: 1 })
})

test('while a secret is rotated, either is good', () => {
  const headers = signWebhook(vector, [other, secret])
  for (const known of [secret, other]) assert.ok(verifyWebhook(received(headers), [known]).ok)
  const foreign = { ...headers, 'webhook-signature': `v1a,AAAA ${headers['webhook-signature']}` }
  assert.ok(verifyWebhook(received(foreign), [secret]).ok)
})

test('whatever is changed, it is refused', () => {
  const headers = signWebhook(vector, [secret])
  const changed: [string, Record<string, string | string[] | undefined>, string?][] = [
    ['body', headers, '{"test": 2432232315}'],
    ['no body', headers, ''],
    ['id', { ...headers, 'webhook-id': 'msg_other' }],
    ['id with a dot', { ...headers, 'webhook-id': `${vector.id}.1` }],
    ['timestamp', { ...headers, 'webhook-timestamp': String(vector.timestampS + 1) }],
    ['no number', { ...headers, 'webhook-timestamp': '1e9' }],
    ['missing', { ...headers, 'webhook-signature': undefined }],
    ['twice', { ...headers, 'webhook-id': [vector.id, vector.id] }],
    ['version', { ...headers, 'webhook-signature': vector.signature.replace('v1,', 'v2,') }],
    ['cut', { ...headers, 'webhook-signature': vector.signature.slice(0, -4) }],
    ['many', { ...headers, 'webhook-signature': `${'v1,x '.repeat(10)}${vector.signature}` }],
    ['other secret', signWebhook(vector, [other])],
  ]
  for (const [what, sent, body] of changed)
    assert.equal(verifyWebhook(received(sent, body), [secret]).ok, false, what)
  assert.equal(verifyWebhook(received(headers), []).ok, false)
})

test('a recorded request is worth nothing later, nor one that was dated ahead', () => {
  const request = received(signWebhook(vector, [secret]))
  for (const [offMs, ok] of [
    [TOLERANCE_MS, true],
    [TOLERANCE_MS + 1, false],
    [-TOLERANCE_MS, true],
    [-TOLERANCE_MS - 1, false],
  ] as const)
    assert.equal(verifyWebhook({ ...request, nowMs: request.nowMs + offMs }, [secret]).ok, ok)
})

test('what is signed is verified, and any other bytes are not', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (body, wrong) => {
      const headers = signWebhook({ ...vector, body }, [secret])
      const request = { ...received(headers), body }
      assert.ok(verifyWebhook(request, [secret]).ok)
      const same = Buffer.compare(body, wrong) === 0
      assert.equal(verifyWebhook({ ...request, body: wrong }, [secret]).ok, same)
    }),
  )
})

test('a secret has its form and its length', () => {
  assert.equal(secret.length, 24)
  const short = `whsec_${Buffer.alloc(23).toString('base64')}`
  const long = `whsec_${Buffer.alloc(65).toString('base64')}`
  for (const text of ['', 'secret', vector.secret.slice(6), short, long])
    assert.throws(() => webhookSecret(text), /must be whsec_ and 24 to 64 bytes/)
})
