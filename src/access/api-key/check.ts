/**
 * What every transaction asks about the API key of its caller: of this tenant, not revoked, not
 * expired. An expression and not a function: a function with a query in it costs the server more
 * than the query. It runs as holdfast_app, so a key of another tenant is unknown.
 */
import type { Check } from '../../database/check.ts'
import { keyIsGood } from './store.ts'

export function apiKeyCheck(id: string): Check {
  return { expression: keyIsGood, value: id }
}
