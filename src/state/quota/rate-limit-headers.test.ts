import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from './account.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

const passed: Decision = {
  allowed: true,
  policyName: 'ordering.place-order',
  quota: 60,
  windowS: 60,
  remaining: 12,
  resetS: 1,
  retryAfterS: 0,
}

test('each decision is a member of both lists', () => {
  const daily = { ...passed, policyName: 'daily', quota: 1000, windowS: 86_400, remaining: 0 }
  assert.deepEqual(rateLimitHeaders([passed, { ...daily, allowed: false, retryAfterS: 87 }]), {
    'ratelimit-policy': '"ordering.place-order";q=60;w=60, "daily";q=1000;w=86400',
    ratelimit: '"ordering.place-order";r=12;t=1, "daily";r=0;t=1',
    'retry-after': '87',
  })
})

test('no Retry-After where the request passes, and nothing where nothing is limited', () => {
  assert.deepEqual(rateLimitHeaders([passed]), {
    'ratelimit-policy': '"ordering.place-order";q=60;w=60',
    ratelimit: '"ordering.place-order";r=12;t=1',
  })
  assert.deepEqual(rateLimitHeaders([]), {})
})
