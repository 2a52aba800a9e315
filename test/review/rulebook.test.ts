/** The reviewer and the rulebook agree: code that the book calls fixed is code without a finding. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Review, review } from '../../src/review/review.ts'

const CODE = join(import.meta.dirname, '../../src/rules/code')
const PACKAGE = { type: 'module', dependencies: { express: '5', pg: '8', zod: '4' } }

describe('the code of the rulebook', () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-rulebook-'))
  let found: Review
  before(async () => {
    cpSync(CODE, join(root, 'server'), { recursive: true })
    writeFileSync(join(root, 'package.json'), JSON.stringify(PACKAGE))
    found = await review({ root })
  })
  after(() => rmSync(root, { recursive: true }))

  test('has no finding where it is fixed', () => {
    const wrong = found.findings.filter(({ path }) => path.endsWith('/fixed.ts'))
    assert.deepEqual(
      wrong.map(({ path, rule, message }) => `${path}: ${rule}: ${message}`),
      [],
    )
  })

  test('is read to the last file', () => {
    assert.deepEqual(found.passedOver, [])
    assert.ok(found.files > 260)
  })
})
