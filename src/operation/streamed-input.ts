/**
 * The contract of a streamed input: a body that is too large for a memory is staged, and the input
 * holds its id in place of the body. All other fields travel in path and query.
 */
import { integerOption, knownOptions, optionError, shown } from '../base/bounds.ts'

export interface StreamedOption {
  /** The field of the input that receives the id of the staged content; a required string. */
  readonly field: string
  /** Without parameters: `text/csv`. Another type is 415. */
  readonly contentTypes: readonly string[]
  /** A larger body is 413. */
  readonly bytesMax: number
  /** For the whole body to arrive. */
  readonly receiveTimeoutMs?: number
  /** How long the content stays once the command has taken it, unless it is dropped before. */
  readonly keptMs?: number
}

export type StreamedInput = Required<StreamedOption>

const DAY_MS = 24 * 3_600_000

export const streamedBounds = {
  bytesMax: {
    min: 1,
    max: 8 * 1024 ** 3,
    default: 0,
    because: 'it is kept in the database until it has been worked through',
  },
  receiveTimeoutMs: {
    min: 1_000,
    max: 3_600_000,
    default: 600_000,
    because: 'a slow sender holds a connection, and a place among the streams, for as long as this',
  },
  keptMs: {
    min: 60_000,
    max: 90 * DAY_MS,
    default: 7 * DAY_MS,
    because: 'a job that has failed can be replayed for a week, and needs its content then',
  },
} as const

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/

export function streamedInput(where: string, given: StreamedOption): StreamedInput {
  const at = `${where}, streamed`
  knownOptions(at, given, ['field', 'contentTypes', 'bytesMax', 'receiveTimeoutMs', 'keptMs'])
  const { field, contentTypes } = given
  if (typeof field !== 'string' || field === '') throw optionError(at, 'field', 'must be a name')
  if (contentTypes.length === 0) throw optionError(at, 'contentTypes', 'must name a media type')
  const odd = contentTypes.find((type) => !MEDIA_TYPE.test(type))
  if (odd !== undefined) {
    throw optionError(at, 'contentTypes', `has ${shown(odd)}; write it like "text/csv"`)
  }
  const bounded = (name: keyof typeof streamedBounds) =>
    integerOption(at, name, given[name], streamedBounds[name])
  return Object.freeze({
    field,
    contentTypes: Object.freeze([...contentTypes]),
    bytesMax: bounded('bytesMax'),
    receiveTimeoutMs: bounded('receiveTimeoutMs'),
    keptMs: bounded('keptMs'),
  })
}
