import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AllowRule, anyone, may } from '../../operation/rule.ts'
import { callerFor } from './caller.ts'

const caller = (allow: AllowRule) => callerFor(allow, 'acme', 'ann')

test('every permission passes where no role is asked for', () => {
  assert.deepEqual(caller(may('orders:write')), { principal: 'ann' })
  assert.deepEqual(caller(anyone), { principal: 'ann' })
})

test('the roles and permissions that a rule asks for', () => {
  assert.deepEqual(
    caller(({ principal }) => principal.roles.includes('cashier')),
    { principal: 'ann', roles: ['cashier'] },
  )
  const narrow: AllowRule = ({ principal }) =>
    principal.may('orders:write') && !principal.permissions.includes('*')
  assert.deepEqual(caller(narrow), {
    principal: 'ann',
    roles: [],
    permissions: ['orders:write'],
  })
})

test('nobody where nobody may, and where the rule throws', () => {
  assert.equal(
    caller(() => false),
    undefined,
  )
  assert.equal(
    caller(() => {
      throw new Error('no')
    }),
    undefined,
  )
})
