/**
 * Who may ask for what in the shop, written by hand: a rule that changes shows up here, and an
 * operation that comes new is refused to everybody until somebody has said who may.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Role, roleNames, roles } from '../../example/shop/shared/roles.ts'
import { anonymousPrincipal, principal, systemPrincipal } from '../../src/base/principal.ts'
import type { RegisteredOperation } from '../../src/operation/registered.ts'
import { refusal } from '../../src/operation/rule.ts'
import { TwoTenants } from './two-tenants.ts'

const EVERYBODY = ['customer', 'merchant', 'support'] as const
/** For jobs, which act for the system. */
const NOBODY = [] as const

const MAY: Readonly<Record<string, readonly Role[]>> = {
  'audit.list-entries': ['merchant', 'support'],
  'catalog.adjust-stock': ['merchant'],
  'catalog.create-product': ['merchant'],
  'catalog.get-product': EVERYBODY,
  'catalog.get-product-import': ['merchant'],
  'catalog.get-stock': EVERYBODY,
  'catalog.import-products': ['merchant'],
  'catalog.list-import-findings': ['merchant'],
  'catalog.list-product-imports': ['merchant'],
  'catalog.list-products': EVERYBODY,
  'catalog.reserve-stock': ['customer'],
  'catalog.return-stock': EVERYBODY,
  'catalog.search-products': EVERYBODY,
  'catalog.update-product': ['merchant'],
  'fraud.add-block': ['merchant', 'support'],
  'fraud.approve-order': ['merchant', 'support'],
  'fraud.assess-order': ['customer'],
  'fraud.get-review': ['merchant', 'support'],
  'fraud.list-blocks': ['merchant', 'support'],
  'fraud.list-reviews': ['merchant', 'support'],
  'fraud.look-at-buyer': ['customer'],
  'fraud.reject-order': ['merchant', 'support'],
  'fraud.remove-block': ['merchant', 'support'],
  'notifications.find-mail': NOBODY,
  'notifications.record-mail': NOBODY,
  'ordering.begin-payment': ['customer'],
  'ordering.cancel-order': EVERYBODY,
  'ordering.get-order': EVERYBODY,
  'ordering.list-orders': EVERYBODY,
  'ordering.note-payment': NOBODY,
  'ordering.place-order': ['customer'],
  'payments.find-payment': NOBODY,
  'payments.follow-up': NOBODY,
  'payments.get-payment': EVERYBODY,
  'payments.get-totals': ['merchant'],
  'payments.note-provider-state': NOBODY,
  'payments.pay-order': ['customer'],
  // With a signature alone.
  'payments.receive-webhook': NOBODY,
  'ordering.release-order': ['merchant', 'support'],
  'ordering.ship-order': ['merchant'],
  'reporting.build-daily-sales': ['merchant'],
  'reporting.get-daily-sales': ['merchant'],
  'reporting.list-product-sales': ['merchant'],
  'shipping.create-shipment': ['merchant'],
  'shipping.get-shipment': EVERYBODY,
  'shipping.list-shipments': EVERYBODY,
  'shipping.move-shipment': ['merchant'],
}

let tenants: TwoTenants
before(async () => {
  tenants = await TwoTenants.start()
})
after(() => tenants.stop())

function everyOperation(): readonly RegisteredOperation[] {
  return [...tenants.registry.operations.values()]
}

const holder = (permissions: readonly string[]) =>
  principal({ id: 'key_1', kind: 'api-key', tenant: 'acme', roles: [], permissions })

test('the table names every operation and no other', () => {
  const names = everyOperation().map(({ name }) => name)
  assert.deepEqual(names.toSorted(), Object.keys(MAY).toSorted())
})

test('each role may what the table says, by the rule', () => {
  for (const { name, allow } of everyOperation()) {
    const may = roleNames.filter(
      (role) => refusal(allow, { principal: holder(roles[role]) }) === undefined,
    )
    assert.deepEqual(may.toSorted(), [...(MAY[name] ?? [])].toSorted(), name)
  }
})

test('and no more at the door: 403 before anything else is looked at', async () => {
  for (const operation of tenants.operations) {
    const may = MAY[operation.name] ?? []
    for (const role of roleNames) {
      const caller = tenants.own.callers[role]
      const input = tenants.inputOf(operation, tenants.own)
      const { status } = await tenants.ask(caller, operation, { input })
      const told = `${operation.name} answers ${role} with ${status}`
      if (may.includes(role)) assert.ok(status !== 403 && status !== 401, told)
      else assert.equal(status, 403, told)
      // What is wrong with a request is not told to whoever may not ask it.
      const wrong = { input: { ...input, nonsense: 1 } }
      const answer = await tenants.ask(caller, operation, wrong)
      assert.equal(answer.status, may.includes(role) ? 422 : 403, operation.name)
    }
  }
})

test('who has no permission may nothing; who has shown no key is asked for one', async () => {
  for (const operation of everyOperation()) {
    const { allow, name } = operation
    assert.notEqual(refusal(allow, { principal: holder([]) }), undefined, name)
    assert.notEqual(refusal(allow, { principal: holder(['nothing:at-all', ':', '']) }), undefined)
    assert.notEqual(refusal(allow, { principal: anonymousPrincipal('acme') }), undefined, name)
    assert.equal(refusal(allow, { principal: systemPrincipal('acme') }), undefined, name)
  }
  const { running } = tenants.shop
  for (const operation of tenants.operations) {
    const { method, path } = operation.http as NonNullable<RegisteredOperation['http']>
    for (const headers of [
      {},
      { authorization: 'Bearer hf_dev_0_0' },
      { authorization: 'Basic eA==' },
    ]) {
      const target = `${running.apiUrl}${path.replaceAll(/\{\w+\}/g, 'x')}`
      const response = await fetch(target, { method, headers: headers as Record<string, string> })
      assert.equal(response.status, 401, operation.name)
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
      await response.body?.cancel()
    }
  }
})

test('whoever signs what it sends needs no key, and no key stands in for a signature', async () => {
  const signed = everyOperation().filter(({ authenticate }) => authenticate !== undefined)
  assert.ok(signed.length > 0)
  for (const { name, http } of signed) {
    for (const role of roleNames) {
      const what = `${http?.method} ${http?.path}`
      const { status } = await tenants.own.callers[role].ask(what, { body: {} })
      assert.equal(status, 401, `${name} answers ${role}`)
    }
  }
})
