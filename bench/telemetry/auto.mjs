/** Loaded before an app (`--import`): the instrumentation that patches whatever it knows. */
import { register } from 'node:module'

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
await import('@opentelemetry/auto-instrumentations-node/register')
