/** How a handler reads what was staged: in parts, in any transaction of the same tenant. */
import { staging } from '../state/staging/staging.ts'
import type { ReadUnit, TypedStatement, UnitOfWork } from './unit-of-work-types.ts'

/** What is known of a staged body. */
export interface StagedFacts {
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
  readonly content_type: string
}

/** Which part of a staged body is read. */
export interface StagedRange {
  /** The place of the first byte. */
  readonly from: number
  /** At most so many come back, and at least one where there is one. */
  readonly bytesMax: number
}

/** Chunks are larger than this only where the sender's pieces were. */
const CHUNK_BYTES_USUAL = 256 * 1024

/** Size, hash and type of a staged body; undefined where there is none under this id any more. */
export function stagedFacts<DB>(tx: ReadUnit<DB>, id: string): Promise<StagedFacts | undefined> {
  return tx.maybeOne(staging.facts(id) as TypedStatement<StagedFacts>)
}

/** The bytes of a staged body from `from` on; empty at its end. */
export async function readStaged<DB>(
  tx: ReadUnit<DB>,
  id: string,
  { from, bytesMax }: StagedRange,
): Promise<Buffer> {
  const chunksMax = Math.ceil(bytesMax / CHUNK_BYTES_USUAL) + 1
  const chunks = await tx.query(
    staging.chunks(id, from, chunksMax) as TypedStatement<{ at: number; bytes: Buffer }>,
  )
  const [first] = chunks
  if (first === undefined) return Buffer.alloc(0)
  const start = from - first.at
  return Buffer.concat(chunks.map(({ bytes }) => bytes)).subarray(start, start + bytesMax)
}

/** Gives a staged body up: it is removed after this unit has committed. */
export function dropStaged<DB>(tx: UnitOfWork<DB>, id: string): void {
  tx.defer(staging.drop(id))
}
