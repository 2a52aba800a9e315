import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { playbooks } from '../advise/playbooks/playbooks.ts'
import { rules } from '../rules/rules.ts'
import { type Symptom, symptoms } from '../rules/symptom.ts'
import { main } from './main.ts'
import type { Covered } from './rules-coverage.ts'
import { skillFiles } from './skill-files.ts'

const root = join(import.meta.dirname, '../..')

async function run(...argv: string[]) {
  const lines: string[] = []
  const out = (line: string) => void lines.push(line)
  const code = await main(['rules', ...argv], { env: {}, cwd: '.', out, err: out })
  return { code, text: lines.join('\n') }
}

test('an id shows the whole rule with its code, written with hyphens or spaces', async () => {
  for (const argv of [['n-plus-one'], ['n', 'plus', 'one']]) {
    const { code, text } = await run(...argv)
    assert.equal(code, 0)
    assert.match(
      text,
      /^A query for each row of a query {2}\(n-plus-one, anti-pattern, warning\)\n/,
    )
    assert.match(text, /\nBroken\n {2}import[\s\S]*\nFixed\n {2}import/)
    const long = text.split('\n').filter((line) => line.length > 120 && !line.includes('https://'))
    assert.deepEqual(long, [])
  }
})

test('words find rules, and nothing lists them all', async () => {
  assert.match((await run('query', 'per', 'row')).text, /n-plus-one/)
  const listed = (await run()).text.split('\n')
  assert.equal(listed.length, rules.length + 1)
  assert.match(listed.at(-1) ?? '', /holdfast rules symptoms/)
})

test('what somebody sees leads to what stops it, what to ask and what causes it', async () => {
  for (const [words, id] of [
    ['orders doubled', 'doubled'],
    ['API slow after deploy', 'slow-after-deploy'],
    ["customers see others' data", 'others-data'],
    ['pool exhausted', 'pool-exhausted'],
    ['migration-outage', 'migration-outage'],
  ] as const) {
    const { code, text } = await run(...words.split(' '))
    assert.equal(code, 0)
    assert.match(text, new RegExp(`\\(${id}\\)\n\nFirst\n[\\s\\S]*\nAsk\n`), words)
  }
  const { text } = await run('pool', 'exhausted')
  assert.match(text, /\n {2}holdfast advise runbook pool-exhausted\n/)
  assert.match((await run('symptoms')).text, /^doubled {2,}Orders, charges or mails happen twice\n/)
  assert.equal(JSON.parse((await run('doubled', '--json')).text).causes.length, 7)
})

test('each playbook that a symptom names is there', () => {
  for (const [id, { runbook }] of Object.entries<Symptom>(symptoms))
    assert.ok(runbook === undefined || playbooks.some((one) => one.id === runbook), id)
})

test('every entry is reached from somewhere, and by what is counted', async () => {
  const entries: Covered[] = JSON.parse((await run('--coverage', '--json')).text)
  assert.equal(entries.length, rules.length + 46)
  const list = (await skillFiles()).get('references/rules.md') ?? ''
  for (const { id, kind, page, skill } of entries) {
    assert.ok(existsSync(join(root, page)), page)
    const isRule = kind === 'pattern' || kind === 'anti-pattern'
    assert.ok(isRule ? list.includes(`\`${id}\``) : existsSync(join(root, skill)), id)
  }
  const table = (await run('--coverage')).text
  assert.match(table, /\n\| all \| 180 \| 180 \| /)
  assert.ok(readFileSync(join(root, 'docs/rules/README.md'), 'utf8').includes(table))
  assert.equal((await run('--coverage', 'x')).code, 2)
})

test('the same as JSON', async () => {
  assert.equal(JSON.parse((await run('n-plus-one', '--json')).text).code.broken.length > 0, true)
  assert.equal(JSON.parse((await run('query', '--json')).text)[0].kind, 'anti-pattern')
})

test('what nothing speaks of is misuse, with the nearest id', async () => {
  const { code, text } = await run('n-plus-on')
  assert.equal(code, 0, text)
  const missing = await run('zzzzz')
  assert.equal(missing.code, 2)
  assert.match(missing.text, /No rule speaks of "zzzzz"/)
})
