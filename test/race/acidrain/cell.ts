import type { RaceDefinition } from '../../../src/prove/race.ts'
import type { Shop } from './shop.ts'

export type Request = (shop: Shop) => Promise<unknown>

/**
 * Kind of the published anomaly: lost update or phantom, for want of a level or of a transaction
 * that spans check and write (its scope). Undefined: a shop that does it right.
 */
export type Anomaly = 'LU-l' | 'LU-s' | 'PH-l' | 'PH-s' | undefined

/** One feature of one shop, as the study of their statement logs describes it. */
export interface Cell extends Pick<RaceDefinition, 'invariants'> {
  readonly app: string
  readonly feature: 'voucher' | 'inventory' | 'cart'
  readonly anomaly: Anomaly
  readonly schema: string
  readonly seed: string
  readonly requests: Readonly<Record<string, Request>>
}
