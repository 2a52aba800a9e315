import { z } from 'zod'
import { type PrefixedId, prefixedId } from '../../../src/base/id.ts'

/** An id as callers see it (`ord_0198…`) and as the database keeps it (a uuid), both ways. */
export interface BoundaryId<Prefix extends string> {
  readonly ids: PrefixedId<Prefix>
  /** For inputs: takes the readable form, gives the uuid. */
  readonly input: z.ZodCodec<z.ZodString, z.ZodUUID>
  /** For outputs: takes the uuid of a row, gives the readable form. */
  readonly output: z.ZodCodec<z.ZodUUID, z.ZodString>
}

export function boundaryId<const Prefix extends string>(prefix: Prefix): BoundaryId<Prefix> {
  const ids = prefixedId(prefix)
  const readable = z.string().regex(ids.pattern, `must be an id like ${prefix}_ and 32 hex digits`)
  const toUuid = (id: string) => ids.decode(id) ?? id
  return {
    ids,
    input: z.codec(readable, z.uuid(), { decode: toUuid, encode: ids.encode }),
    output: z.codec(z.uuid(), readable, { decode: ids.encode, encode: toUuid }),
  }
}

export const productId = boundaryId('prd')
export const blockId = boundaryId('blk')
export const importId = boundaryId('imp')
export const orderId = boundaryId('ord')
export const paymentId = boundaryId('pay')
export const shipmentId = boundaryId('shp')
export const auditId = boundaryId('aud')
