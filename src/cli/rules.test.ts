import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rules } from '../rules/rules.ts'
import { main } from './main.ts'

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
  assert.equal((await run()).text.split('\n').length, rules.length)
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
