import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/fault.ts'
import { compareMigrations, doneChecksum, type OutOfOrder, refuseDrift } from './plan.ts'
import { type MigrationFile, parseMigration } from './source.ts'
import type { MigrationRecord } from './store.ts'

function file(id: string, sql = 'SELECT 1;'): MigrationFile {
  return parseMigration('ordering', id, Buffer.from(sql))
}

function record(of: MigrationFile, change: Partial<MigrationRecord> = {}): MigrationRecord {
  const { source, id, checksum, statements } = of
  const applied = { state: 'applied', statementsDone: statements.length } as const
  const rest = { doneChecksum: null, error: null, appliedAt: '2026-01-01T00:00:00Z' }
  return { source, id, checksum, ...applied, ...rest, ...change }
}

function states(files: readonly MigrationFile[], records: readonly MigrationRecord[]) {
  return compareMigrations(files, records).entries.map(({ id, state }) => `${id} ${state}`)
}

const one = file('0001_a')
const two = file('0002_b')
const three = file('0003_c')

test('applied, pending, late and missing', () => {
  assert.deepEqual(states([one, two, three], [record(one), record(three)]), [
    '0001_a applied',
    '0002_b late',
    '0003_c applied',
  ])
  assert.deepEqual(states([one, three], [record(one), record(two)]), [
    '0001_a applied',
    '0003_c pending',
    '0002_b missing',
  ])
})

test('files of a newer release do not make the database stale for an older one', () => {
  assert.equal(compareMigrations([one], [record(one), record(two)]).current, true)
  assert.equal(compareMigrations([one, two], [record(one)]).current, false)
})

test('numbers count, not the text: 10000 comes after 9999', () => {
  const early = file('9999_a')
  assert.deepEqual(states([early, file('10000_b')], [record(early)]), [
    '9999_a applied',
    '10000_b pending',
  ])
})

test('a changed file is refused in any mode, a late one only by the rule', () => {
  const changed = compareMigrations([file('0001_a', 'SELECT 2;')], [record(one)])
  const late = compareMigrations([one, two], [record(two)])
  const refusal = (status: typeof late, rule: OutOfOrder) => {
    try {
      refuseDrift(status, rule)
    } catch (error) {
      return isFault(error) ? error.code : error
    }
    return undefined
  }
  assert.equal(refusal(changed, 'apply'), 'HF_MIGRATION_CHANGED')
  assert.equal(refusal(late, 'refuse'), 'HF_MIGRATION_ORDER')
  assert.equal(refusal(late, 'apply'), undefined)
})

test('of a partial file the rest may be mended, the done part not', () => {
  const text = (first: string, second: string) =>
    file('0001_a', `-- holdfast: no-transaction\n${first};\n${second};\n`)
  const before = text('SELECT 1', 'SELECT broken')
  const partial = record(before, {
    state: 'partial',
    statementsDone: 1,
    doneChecksum: doneChecksum(before, 1),
    error: 'no column',
  })
  assert.deepEqual(states([text('SELECT 1', 'SELECT 2')], [partial]), ['0001_a partial'])
  assert.deepEqual(states([text('SELECT 0', 'SELECT 2')], [partial]), ['0001_a changed'])
  assert.deepEqual(states([file('0001_a', 'SELECT 1;')], [partial]), ['0001_a changed'])
  const none = { ...partial, statementsDone: 0, doneChecksum: null }
  assert.deepEqual(states([file('0001_a', 'SELECT 1;')], [none]), ['0001_a partial'])
})
