import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { isFault } from '../base/fault.ts'
import { loadConfig } from './config.ts'
import { configReference } from './config-variables.ts'

const DATABASE = 'postgres://app:hunter2@db.example:5432/shop'
const SECRET = 's'.repeat(40)
const production = { HOLDFAST_ENV: 'production', DATABASE_URL: DATABASE, SIGNING_SECRET: SECRET }

function messageOf(env: Record<string, string>): string {
  try {
    loadConfig(env)
  } catch (error) {
    assert.ok(isFault(error, 'HF_CONFIG_INVALID'))
    return error.message
  }
  assert.fail('the configuration was accepted')
}

test('nothing has to be set for development', () => {
  const config = loadConfig({})
  assert.equal(config.environment, 'development')
  assert.equal(config.http.host, '127.0.0.1')
  assert.equal(config.shutdown.leadMs, 0)
  assert.equal(config.database.url, undefined)
  assert.equal(config.log.format, 'pretty')
})

test('an empty variable counts as unset', () => {
  assert.equal(loadConfig({ PORT: '', DATABASE_URL: '' }).http.port, 3000)
})

test('production needs its secrets, and has other defaults', () => {
  const config = loadConfig(production)
  assert.equal(config.database.url?.reveal(), DATABASE)
  assert.equal(config.database.directUrl?.reveal(), DATABASE)
  assert.equal(config.signingSecret?.reveal(), SECRET)
  assert.equal(config.shutdown.leadMs, 5000)
  assert.equal(config.log.format, 'json')
  assert.equal(loadConfig({ ...production, SHUTDOWN_LEAD_MS: '0' }).shutdown.leadMs, 0)
  assert.equal(loadConfig({ NODE_ENV: 'test' }).environment, 'test')
})

test('everything that is wrong is told at once, with the way to mend it', () => {
  const message = messageOf({
    NODE_ENV: 'production',
    DATABSE_URL: DATABASE,
    SIGNING_SECRET: 'hunter3',
    PORT: '80a',
    HTTP_BODY_BYTES_MAX: '12',
    CORS_ORIGINS: 'https://a.example, *',
    HOLDFAST_EVN: 'production',
    BEHIND_TLS: 'yes',
    REQUEST_TIMEOUT_MS: '20000',
    REQUEST_TIMEOUT_MAX_MS: '10000',
    PUBLIC_URL: 'https://a.example/',
    LOG_LEVEL: 'loud',
  })
  const lines = message.split('\n').filter((line) => line.startsWith('  - '))
  const names = lines.map((line) => /[A-Z][A-Z_]+/.exec(line)?.[0]).sort()
  assert.deepEqual(names, [
    'BEHIND_TLS',
    'CORS_ORIGINS',
    'DATABASE_URL',
    'HOLDFAST_EVN',
    'HTTP_BODY_BYTES_MAX',
    'LOG_LEVEL',
    'PORT',
    'PUBLIC_URL',
    'REQUEST_TIMEOUT_MAX_MS',
    'SIGNING_SECRET',
  ])
  assert.match(message, /PORT must be a port from 0 to 65535 \(got "80a"\)\. Example: PORT=3000/)
  assert.match(message, /DATABASE_URL is missing.*DATABSE_URL, which is set/)
  assert.match(message, /HOLDFAST_EVN is not known; did you mean "HOLDFAST_ENV"\?/)
  assert.doesNotMatch(message, /hunter/)
})

test('a wrong database URL is not shown', () => {
  assert.doesNotMatch(messageOf({ DATABASE_URL: 'mysql://app:hunter2@db/shop' }), /hunter2/)
})

test('headers for the collector are what HTTP takes when they have been decoded', () => {
  const headersOf = (text: string) =>
    loadConfig({ OTEL_EXPORTER_OTLP_HEADERS: text }).telemetry.otlpHeaders?.reveal()
  for (const text of ['a=1', 'authorization=Basic%20YQ==,x-team=shop', 'empty=,b=%7e'])
    assert.equal(headersOf(text), text)
  for (const text of ['a', 'a=%zz', 'a=%0Ab=c', 'a=%', 'a b=c', 'a=caf\u00e9', 'a=x y'])
    assert.match(
      messageOf({ OTEL_EXPORTER_OTLP_HEADERS: text }),
      /OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs .* percent-encoded/,
    )
})

test('the two ports must differ, unless both are free ones', () => {
  assert.match(messageOf({ PORT: '4000', ADMIN_PORT: '4000' }), /ADMIN_PORT must differ from PORT/)
  assert.equal(loadConfig({ PORT: '0', ADMIN_PORT: '0' }).http.port, 0)
})

test('a secret never prints', () => {
  const config = loadConfig(production)
  for (const text of [
    inspect(config, { depth: 9 }),
    JSON.stringify(config),
    `${config.signingSecret}`,
  ])
    assert.doesNotMatch(text, /hunter2|sssss/)
})

test('the reference page says what the variables say', () => {
  const page = new URL('../../docs/reference/configuration.md', import.meta.url)
  assert.equal(readFileSync(page, 'utf8'), configReference())
})
