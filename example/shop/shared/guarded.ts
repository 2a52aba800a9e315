import type { Sql } from '../../../src/database/sql.ts'

interface Asking {
  maybeOne<R>(statement: Sql<R>): Promise<R | undefined>
}

/** What a guarded UPDATE has changed, or what stood in its way; neither: there is no such row. */
export interface Guarded<R, S> {
  readonly changed: R | undefined
  readonly seen: S | undefined
}

/**
 * An UPDATE whose WHERE says when it may be done, and the reason where it is not. At READ COMMITTED the
 * two see different moments: what was in the way may be gone when it is looked at, and the caller would
 * be refused for a reason that is none. So `look` locks the row, and the UPDATE is tried once more.
 */
export async function guarded<R, S>(
  tx: Asking,
  update: Sql<R>,
  look: Sql<S>,
): Promise<Guarded<R, S>> {
  const changed = await tx.maybeOne(update)
  if (changed !== undefined) return { changed, seen: undefined }
  const seen = await tx.maybeOne(look)
  return { changed: seen && (await tx.maybeOne(update)), seen }
}
