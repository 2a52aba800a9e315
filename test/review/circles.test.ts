/** Code that goes round in circles, or deeper than anybody writes: each detector gets to its end. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { review } from '../../src/review/review.ts'

const HEAD = `import express from 'express'
import { Pool } from 'pg'
import knex from 'knex'
const app = express()
const pool = new Pool()
const db = knex({})
`
const LENGTH = 3_000
/** Below what is passed over as generated. */
const DEPTH = 150

async function gaveUpOn(text: string): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-circles-'))
  try {
    const dependencies = { express: '*', pg: '*', knex: '*' }
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'case', dependencies }))
    mkdirSync(join(root, 'src'))
    writeFileSync(join(root, 'src/app.ts'), `${HEAD}${text}\n`)
    const { passedOver } = await review({ root })
    return passedOver.map(({ why }) => why).filter((why) => why.includes('gave up'))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const inRoute = (body: string) => `app.get('/a', async (req, res) => { ${body} })`
const steps = (make: (index: number) => string) =>
  Array.from({ length: LENGTH }, (_, index) => make(index)).join('\n')

describe('a review gets to its end', () => {
  const cases: Readonly<Record<string, string>> = {
    'a constant of a type of its own name': `export const level: level = read()
for (const each of all) await level.query('SELECT * FROM orders')`,
    'two constants of the types of each other': `export const left: right = read()
export const right: left = read()
for (const each of all) await left.query('SELECT * FROM orders')`,
    'a chain of calls': inRoute(`await db('orders')${".where('id', req.query.id)".repeat(DEPTH)}`),
    'a sum of texts': inRoute(
      `const sql = 'SELECT'${" + ' a'".repeat(DEPTH)} + req.query.a; await pool.query(sql)`,
    ),
    'a ladder of conditions': inRoute(
      `${"if (req.query.a) await pool.query('SELECT 1' + req.query.a); else ".repeat(DEPTH)} fetch(req.query.a)`,
    ),
    'calls within calls': inRoute(
      `await pool.query(${'read('.repeat(DEPTH)}req.body${')'.repeat(DEPTH)})`,
    ),
    'constants of constants': inRoute(
      `const c0 = req.body\n${steps((index) => `const c${index + 1} = c${index}`)}\nawait pool.query('SELECT' + c${LENGTH})`,
    ),
    'functions that call the next one': `${steps((index) => `async function f${index}(a) { return f${index + 1}(a) }`)}
async function f${LENGTH}(a) { for (const each of a) await pool.query('SELECT' + each) }
${inRoute('res.json(await f0(req.body))')}`,
  }
  for (const [name, text] of Object.entries(cases)) {
    test(`of ${name}`, async () => {
      assert.deepEqual(await gaveUpOn(text), [])
    })
  }
})
