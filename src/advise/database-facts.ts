import type { KnownAnswer } from './advice.ts'
import type { QuestionId } from './questions.ts'
import { type DatabaseNumbers, readDatabaseNumbers } from './store.ts'

export type Facts = ReadonlyMap<QuestionId, KnownAnswer>

/** Rates over less than this say more about the restart than about the load. */
const STATISTICS_SECONDS_MIN = 3_600
/** A mean is all that the server keeps; peaks are about this many times higher in most services. */
const PEAK_TO_MEAN = 4
const BLOCKS_MIN = 10_000

/** What the database answers for itself. Throws HF_DATABASE_UNAVAILABLE or HF_CONFIG_INVALID. */
export async function databaseFacts(url: string): Promise<Facts> {
  return factsOf(await readDatabaseNumbers(url))
}

export function factsOf(numbers: DatabaseNumbers): Facts {
  const read = (value: number, from: string): KnownAnswer => ({ value, origin: 'read', from })
  const facts = new Map<QuestionId, KnownAnswer>([
    ['dataGb', read(gigabytes(numbers.databaseBytes), 'pg_database_size, today')],
    ['largestTableGb', read(gigabytes(numbers.largestTableBytes), 'pg_class, today')],
    ['listRows', read(Math.round(numbers.largestTableRows), 'pg_class.reltuples, today')],
  ])
  const { rowsWritten, statisticsSeconds, blocksHit, blocksRead, tenants } = numbers
  if (statisticsSeconds >= STATISTICS_SECONDS_MIN) {
    const perSecond = round((rowsWritten / statisticsSeconds) * PEAK_TO_MEAN)
    const hours = Math.round(statisticsSeconds / 3600)
    const from = `pg_stat_database: mean of the last ${hours} h times ${PEAK_TO_MEAN}`
    facts.set('writesPerSecond', read(perSecond, from))
  }
  if (blocksHit + blocksRead >= BLOCKS_MIN) {
    const percent = round((100 * blocksHit) / (blocksHit + blocksRead))
    facts.set('cacheHitPercent', read(percent, 'pg_stat_database: blks_hit'))
  }
  if (tenants !== null) {
    facts.set('tenants', read(tenants, 'pg_stats: distinct values of tenant_id'))
  }
  return facts
}

function gigabytes(bytes: number): number {
  return round(bytes / 1e9)
}

/** Three significant digits: more would pretend. */
function round(value: number): number {
  return Number(value.toPrecision(3))
}
