/** What comes in and goes out: the code of the rules under attack. */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import express, { type Request, type Response } from 'express'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { pino } from 'pino'
import type * as ApiKeys from '../../src/rules/code/api-keys-hmac/fixed.ts'
import type * as AuditLog from '../../src/rules/code/audit-log/fixed.ts'
import type * as Cookie from '../../src/rules/code/cookie-without-flags/fixed.ts'
import type * as ErrorDetails from '../../src/rules/code/error-details-to-client/fixed.ts'
import type * as Graphql from '../../src/rules/code/graphql-safely/fixed.ts'
import type * as JwtAlg from '../../src/rules/code/jwt-alg-confusion/fixed.ts'
import type * as JwtAudience from '../../src/rules/code/jwt-no-audience/fixed.ts'
import type * as JwtExpiry from '../../src/rules/code/jwt-no-expiry/fixed.ts'
import type * as MassAssignment from '../../src/rules/code/mass-assignment/fixed.ts'
import type * as MissingLimit from '../../src/rules/code/missing-rate-limit/fixed.ts'
import type * as Oidc from '../../src/rules/code/oidc-pkce/fixed.ts'
import type * as OverExposure from '../../src/rules/code/over-exposure/fixed.ts'
import type * as OwnCrypto from '../../src/rules/code/own-crypto/fixed.ts'
import type * as PathBased from '../../src/rules/code/path-based-authorisation/fixed.ts'
import type * as PersonalData from '../../src/rules/code/personal-data-in-logs/fixed.ts'
import type * as Prototype from '../../src/rules/code/prototype-pollution/fixed.ts'
import type * as RateLimit from '../../src/rules/code/rate-limit/fixed.ts'
import type * as Redos from '../../src/rules/code/redos/fixed.ts'
import type * as Secrets from '../../src/rules/code/secrets/fixed.ts'
import type * as Sessions from '../../src/rules/code/sessions-cookies/fixed.ts'
import type * as Ssrf from '../../src/rules/code/ssrf/fixed.ts'
import type * as Uploads from '../../src/rules/code/upload-pipeline/fixed.ts'
import type * as WeakHash from '../../src/rules/code/weak-hash/fixed.ts'
import type * as Cors from '../../src/rules/code/wildcard-cors/fixed.ts'
import * as jwt from './jsonwebtoken.ts'
import { executes, listening, served, settles } from './pair.ts'

executes<typeof MassAssignment>('mass-assignment', async ({ routes }) => {
  const stored = { id: 1, name: 'Eve', role: 'customer' }
  const userOf = () => ({
    ...stored,
    async save() {
      Object.assign(stored, { name: this.name, role: this.role })
    },
  })
  const patch = (payload: object) =>
    served(
      (app) => routes(app, userOf as unknown as () => MassAssignment.User),
      (app) => app.inject({ method: 'PATCH', url: '/me', payload }),
    )
  await patch({ name: 'Eva' })
  await patch({ name: 'Eve', role: 'admin' })
  assert.deepEqual(stored, { id: 1, name: 'Eva', role: 'customer' })
})

executes<typeof OverExposure>('over-exposure', ({ reply }) => {
  const row = { id: 1, name: 'Ada', password_hash: 'x', internal_notes: 'y' }
  assert.equal(reply(row), '{"id":1,"name":"Ada"}')
})

executes<typeof PathBased>('path-based-authorisation', async ({ routes }) => {
  const get = (url: string, isAdmin: boolean) =>
    served(
      (app) => routes(app, () => isAdmin),
      async (app) => (await app.inject(url)).statusCode,
    )
  assert.equal(await get('/admin', true), 200)
  for (const url of ['/admin', '/%61dmin', '/ADMIN', '/admin/'])
    assert.equal(await get(url, false), 403, url)
})

executes<typeof Ssrf>('ssrf', async ({ isAllowed }) => {
  assert.equal(await isAllowed('https://93.184.216.34/'), true)
  const mapped = ['[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::1]']
  for (const host of ['127.1', '0x7f000001', '[::1]', '10.0.0.8', '198.18.0.1', ...mapped])
    assert.equal(await isAllowed(`https://${host}/`), false, host)
})

executes<typeof Prototype>('prototype-pollution', ({ merge }) => {
  try {
    merge({}, JSON.parse('{"__proto__":{"isAdmin":true}}'))
  } catch {
    // Refusing it is right.
  }
  const polluted = Reflect.get({}, 'isAdmin')
  Reflect.deleteProperty(Object.prototype, 'isAdmin')
  assert.equal(polluted, undefined)
})

executes<typeof OwnCrypto>('own-crypto', ({ seal, open }) => {
  const key = randomBytes(32)
  const sealed = seal(key, 'amount=100')
  assert.equal(open(key, sealed), 'amount=100')
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
  assert.throws(() => open(key, sealed))
})

executes<typeof WeakHash>('weak-hash', async ({ hashPassword, isPassword }) => {
  const [first, second] = [await hashPassword('correct horse'), await hashPassword('correct horse')]
  assert.notEqual(first, second, 'Equal passwords are known together.')
  assert.equal(await isPassword('correct horse', first), true)
  assert.equal(await isPassword('wrong horse', first), false)
})

executes<typeof JwtAlg>('jwt-alg-confusion', ({ claimsOf }) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (alg: string, signer: (text: Buffer) => Buffer) => {
    const text = `${part({ alg })}.${part({ sub: 'admin' })}`
    return `${text}.${signer(Buffer.from(text)).toString('base64url')}`
  }
  const good = token('RS256', (text) => sign('sha256', text, privateKey))
  assert.deepEqual(claimsOf(good, publicKey), { sub: 'admin' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const forged = token('HS256', (text) => createHmac('sha256', pem).update(text).digest())
  assert.throws(() => claimsOf(forged, publicKey))
})

executes<typeof JwtAudience>('jwt-no-audience', ({ principalOf }) => {
  const token = (audience: string) =>
    jwt.sign({ sub: 'ada', iss: 'https://id.example', aud: audience }, 'key', {})
  assert.equal(principalOf(token('https://orders.example'), 'key'), 'ada')
  assert.throws(() => principalOf(token('https://newsletter.example'), 'key'))
})

executes<typeof JwtExpiry>('jwt-no-expiry', ({ tokenFor }) => {
  const [, claims = ''] = tokenFor('ada', 'key').split('.')
  const { sub, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  assert.equal(sub, 'ada')
  assert.equal(typeof exp, 'number')
})

executes<typeof MissingLimit>('missing-rate-limit', ({ routes }) =>
  served(
    (app) =>
      routes(
        app,
        ({ password }) => password === 'right',
        () => 0,
      ),
    async (app) => {
      const guess = async (password: string) => {
        const payload = { email: 'ada@example.com', password }
        return (await app.inject({ method: 'POST', url: '/login', payload })).statusCode
      }
      for (let tries = 0; tries < 5; tries++) assert.equal(await guess(`guess ${tries}`), 401)
      assert.equal(await guess('right'), 429)
    },
  ),
)

executes<typeof RateLimit>('rate-limit', ({ createLimit }) => {
  let nowMs = 0
  const mayPass = createLimit(10, 1_000, () => nowMs)
  const passing = () => Array.from({ length: 10 }, mayPass).filter(Boolean).length
  nowMs = 999
  const before = passing()
  nowMs = 1_001
  assert.ok(before + passing() <= 11, 'Twice the quota passes around the edge of the window.')
  nowMs = 1_501
  assert.ok(passing() > 0, 'What has filled up again is let through.')
})

executes<typeof ApiKeys>('api-keys-hmac', ({ store, isKey }) => {
  const key = `hf_${randomBytes(16).toString('hex')}`
  const stored = store('k1', key)
  assert.ok(isKey(stored, key) && !isKey(stored, `${key}x`))
  assert.ok(!JSON.stringify(stored).includes(key), 'Whoever reads the table has the keys.')
})

executes<typeof Sessions>('sessions-cookies', ({ logIn }) => {
  const sessions = new Map<string, string>()
  const cookie = logIn(sessions, 'ada', 'planted')
  assert.ok(!cookie.includes('planted') && !sessions.has('planted'))
})

executes<typeof Oidc>('oidc-pkce', ({ authorizeUrl }) => {
  const { url, keep } = authorizeUrl('https://id.example', 'shop', 'https://shop.example/back')
  const { searchParams } = new URL(url)
  assert.equal(searchParams.get('state'), keep.state)
  assert.equal(searchParams.get('code_challenge_method'), 'S256')
})

executes<typeof Cors>('wildcard-cors', ({ cors }) => {
  const allowed = (origin: string) => {
    const headers = new Headers()
    const response = { setHeader: (name: string, value: string) => headers.set(name, value) }
    cors({ headers: { origin } } as Request, response as unknown as Response, () => undefined)
    return headers.get('access-control-allow-origin')
  }
  assert.equal(allowed('https://app.example'), 'https://app.example')
  for (const origin of ['https://evil-app.example', 'null', 'https://app.example.evil'])
    assert.equal(allowed(origin), null)
})

executes<typeof Cookie>('cookie-without-flags', async ({ signIn }) => {
  const app = express().get('/', (_request, response) => {
    signIn(response, 's1')
    response.end()
  })
  const server = await listening(app)
  const cookie = (await fetch(server.url)).headers.get('set-cookie') ?? ''
  server.close()
  for (const flag of [/^__Host-/, /HttpOnly/, /Secure/, /SameSite/, /Path=\//])
    assert.match(cookie, flag)
})

executes<typeof ErrorDetails>('error-details-to-client', async ({ answerErrors }) => {
  const routes = (app: FastifyInstance) => {
    answerErrors(app)
    app.get('/', () => {
      throw new Error('duplicate key value violates "users_email"')
    })
  }
  const { statusCode, body } = await served(routes, async (app) => app.inject('/'))
  assert.equal(statusCode, 500)
  assert.doesNotMatch(body, /users_email|\.ts/)
})

executes<typeof AuditLog>('audit-log', ({ createAudit }) => {
  const audit = createAudit()
  audit.append({ who: 'ada', what: 'price 100' })
  audit.append({ who: 'bob', what: 'price 1' })
  assert.ok(audit.isWhole())
  audit.entries[0] = { who: 'eve', what: 'price 100' }
  assert.equal(audit.isWhole(), false)
})

executes<typeof Uploads>('upload-pipeline', ({ accept }) => {
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('rest')])
  assert.match(accept('/srv/files', '../../app.js', 'image/png', png).path, /^\/srv\/files\//)
  const html = Buffer.from('<script>')
  assert.throws(() => accept('/srv/files', 'a.png', 'image/png', html))
})

executes<typeof Graphql>('graphql-safely', ({ isAllowed }) => {
  assert.equal(isAllowed('{ orders { id lines { sku } } }'), true)
  assert.equal(isAllowed(`${'{ friends '.repeat(30)}{ id }${'}'.repeat(30)}`), false)
})

executes<typeof Secrets>('secrets', ({ describe }) => {
  assert.doesNotMatch(describe({ databaseUrl: 'postgres://app:hunter2@db/shop' }), /hunter2/)
})

executes<typeof PersonalData>('personal-data-in-logs', ({ logRequest }) => {
  const lines: string[] = []
  const log = pino({}, { write: (line) => void lines.push(line) })
  const body = { sku: 'A', email: 'ada@example.com' }
  logRequest(log, { url: '/orders', body } as FastifyRequest)
  assert.match(lines.join(), /"sku":"A"/)
  assert.doesNotMatch(lines.join(), /ada@example/)
})

const ANSWER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ isTag }) => parentPort.postMessage(isTag(workerData.text)))`

/** Catastrophic means hours: a second is as good as never. */
async function answers(module: string, text: string): Promise<boolean> {
  const worker = new Worker(ANSWER, { eval: true, workerData: { module, text } })
  const message = new Promise((answered) => worker.once('message', answered))
  const answered = await settles(message, 1_500)
  await worker.terminate()
  return answered
}

executes<typeof Redos>('redos', async ({ isTag }, url) => {
  assert.equal(isTag('red-hat'), true)
  assert.ok(await answers(url, `${'a'.repeat(60)}!`), 'One request stops the process.')
})
