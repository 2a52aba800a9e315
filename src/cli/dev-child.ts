/**
 * Loaded by `holdfast dev` into the process of the app, ahead of it: waits, with the framework loaded,
 * until the app's own files are to be; then shows each round trip to the database as one line, and tells
 * when the app answers.
 */

import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { isFault } from '../base/fault.ts'
import {
  type BatchSeen,
  batchChannel,
  type StartSeen,
  startedChannel,
} from '../runtime/telemetry/watch-work.ts'

/** The framework's own part of a batch, which is the same each time. */
const OWN = /^(?:BEGIN|COMMIT|ROLLBACK|SELECT|(?:SELECT|INSERT|UPDATE|DELETE|WITH) holdfast\..*)$/
const LENGTH_MAX = 160

subscribe(batchChannel.name, (message) => {
  const { summaries, durationMs, failure } = message as BatchSeen
  const shown = summaries.filter((summary) => !OWN.test(summary))
  if (shown.length === 0 && failure === undefined) return
  const text = (shown.length === 0 ? summaries : shown).join('; ').slice(0, LENGTH_MAX)
  const failed = failure === undefined ? '' : `  failed: ${failure}`
  process.stdout.write(`${' '.repeat(13)}sql    ${durationMs.toFixed(1)} ms  ${text}${failed}\n`)
})

subscribe(startedChannel.name, (message) => {
  const { apiUrl, adminUrl } = message as StartSeen
  process.send?.({ holdfast: 'started', apiUrl, adminUrl })
})

// A fault says where to look and what to do; where it was thrown is our own code. What comes later, the
// app logs as it does elsewhere.
process.on('uncaughtExceptionMonitor', (error) => {
  if (!isFault(error) || process.listenerCount('uncaughtException') > 0) return
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})

// Whoever started it is gone, and would not start it again.
process.on('disconnect', () => process.exit())

const told = once(process, 'message')
await import('../app/start-app.ts')
await told
