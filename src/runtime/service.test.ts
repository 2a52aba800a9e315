import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { loadConfig } from './config.ts'
import { silentLog } from './log.ts'
import { type ServiceDefinition, startServices } from './service.ts'

const context = { config: loadConfig({}), log: silentLog }

function recorded(fails?: string) {
  const order: string[] = []
  const define = (name: string): [string, ServiceDefinition] => [
    name,
    {
      start: async () => {
        if (name === fails) throw new Error(`${name} refused`)
        order.push(`start ${name}`)
        return { name }
      },
      stop: (service) => void order.push(`stop ${(service as { name: string }).name}`),
    },
  ]
  return { order, definitions: new Map(['mail', 'payments', 'search'].map(define)) }
}

test('services start in order and stop in the opposite one, once', async () => {
  const { order, definitions } = recorded()
  const running = await startServices({ definitions, context })
  assert.deepEqual(running.services.payments, { name: 'payments' })
  await running.stop()
  await running.stop()
  assert.deepEqual(order, [
    'start mail',
    'start payments',
    'start search',
    'stop search',
    'stop payments',
    'stop mail',
  ])
})

test('where one does not start, those that did are stopped', async () => {
  const { order, definitions } = recorded('search')
  await assert.rejects(startServices({ definitions, context }), /search refused/)
  assert.deepEqual(order, ['start mail', 'start payments', 'stop payments', 'stop mail'])
})

test('a replacement stands in, and is not stopped here', async () => {
  const { order, definitions } = recorded()
  const fake = { fake: true }
  const running = await startServices({ definitions, context, replace: { payments: fake } })
  assert.equal(running.services.payments, fake)
  await running.stop()
  assert.doesNotMatch(order.join(), /payments/)
})

test('one that does not stop does not keep the others from stopping', async () => {
  const { order, definitions } = recorded()
  definitions.set('broken', {
    start: () => 1,
    stop: () => {
      throw new Error('stuck')
    },
  })
  const running = await startServices({ definitions, context })
  await running.stop()
  assert.equal(order.at(-1), 'stop mail')
})

test('one that nobody makes is an error by name where it is asked for', async () => {
  const { definitions } = recorded()
  const { services, stop } = await startServices({ definitions, context })
  assert.throws(
    () => services.paymants,
    (error) => isFault(error, 'HF_APP_INVALID') && /paymants.*"payments"/.test(String(error)),
  )
  await stop()
})
