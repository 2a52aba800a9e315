import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import * as store from './store.ts'

/** For a pruner: removes at most so many chunks, then contents that have none left. */
export async function pruneStaged(pool: Pool, rowsMax: number): Promise<number> {
  const results = await runAsLoops(pool, store.pruneChunks(rowsMax), store.pruneContents(rowsMax))
  return Math.max(...results.map(({ rowCount }) => rowCount))
}
