/**
 * What is happening in this process, for whoever watches it while it is developed. Published by way of
 * `node:diagnostics_channel`: where nobody has subscribed it costs one look at a field.
 */
import { channel } from 'node:diagnostics_channel'

export interface BatchSeen {
  /** What its statements do, in order: `INSERT orders`. */
  readonly summaries: readonly string[]
  readonly durationMs: number
  /** Of the error, where it failed. */
  readonly failure: string | undefined
}

export interface StartSeen {
  readonly apiUrl: string | undefined
  readonly adminUrl: string
}

export const batchChannel = channel('holdfast:batch')
export const startedChannel = channel('holdfast:started')
