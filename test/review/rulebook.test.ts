/** The reviewer and the rulebook agree: it finds what the book calls broken, and nothing in what it calls fixed. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { type Review, review } from '../../src/review/review.ts'
import { rules } from '../../src/rules/rules.ts'

const CODE = join(import.meta.dirname, '../../src/rules/code')

/** Rules whose detector does not see their own example. */
const UNSEEN: Readonly<Record<string, string>> = {
  'over-exposure': 'a row that comes as a parameter, without the query and the route around it',
  'clock-arithmetic':
    'durations by Date.now() stand everywhere and are seldom off: only the calendar is looked at',
}

/** Each example in a package of its own, as it would stand in a service; migrations in their folder. */
function writeTree(root: string, file: string): void {
  for (const { id } of rules) {
    const code = readFileSync(join(CODE, id, file), 'utf8')
    const isMigration = /^export async function up\(/m.test(code)
    const folder = join(root, 'packages', id)
    mkdirSync(join(folder, isMigration ? 'migrations' : 'server'), { recursive: true })
    writeFileSync(join(folder, isMigration ? 'migrations' : 'server', file), code)
    const names = [...code.matchAll(/from '([^.'][^']*)'/g)].map(([, name = '']) => [name, '*'])
    const manifest = { type: 'module', dependencies: Object.fromEntries(names) }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  }
  cpSync(join(CODE, 'transaction.ts'), join(root, 'packages/transaction.ts'))
}

async function reviewed(file: string): Promise<Review> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-rulebook-'))
  try {
    writeTree(root, file)
    return await review({ root })
  } finally {
    rmSync(root, { recursive: true })
  }
}

describe('the code of the rulebook', () => {
  let broken: Review
  let fixed: Review
  before(async () => {
    broken = await reviewed('broken.ts')
    fixed = await reviewed('fixed.ts')
  })

  test('is found where it is broken and a detector looks for it', () => {
    const found = new Set(broken.findings.map(({ path, rule }) => `${path.split('/')[1]} ${rule}`))
    const missed = rules.filter(
      ({ id, detectors }) =>
        detectors.length > 0 && !detectors.some((rule) => found.has(`${id} ${rule}`)),
    )
    assert.deepEqual(
      missed.map(({ id }) => id),
      Object.keys(UNSEEN),
    )
  })

  test('has no finding where it is fixed', () => {
    assert.deepEqual(
      fixed.findings.map(({ path, rule, message }) => `${path}: ${rule}: ${message}`),
      [],
    )
  })

  test('is read to the last file', () => {
    assert.deepEqual([...broken.passedOver, ...fixed.passedOver], [])
    assert.ok(fixed.files >= rules.length)
  })
})
