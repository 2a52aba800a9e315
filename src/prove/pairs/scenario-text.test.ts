import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { ScenarioCall } from '../app/scenario.ts'
import { scenarioText } from './scenario-text.ts'

const call: ScenarioCall = {
  operation: { name: 'shop.order' },
  input: {
    text: `it's "5\\6" \`\${x}\`\n`,
    lines: Array.from({ length: 5 }, (_, n) => ({ sku: `SKU-${n}-with-a-long-name`, quantity: n })),
    'odd key': null,
    empty: {},
    none: [],
  },
  asking: { tenant: 'acme', principal: 'ann', roles: ['cashier'] },
}
// biome-ignore lint/suspicious/noTemplateCurlyInString: what a template would take for its own.
const seed = "INSERT INTO notes VALUES ('a `b` ${c} \\n');\nSELECT 1;"

/** What the file hands to `scenario`. */
function evaluated(text: string): { run: unknown; seed: string } {
  const code = text.replaceAll(/^import .*$/gm, '').replace('export const ordered =', 'result =')
  const scenario = (definition: unknown) => definition
  const values = { scenario, app: 'app', all: { app: 'app', invariants: {} }, result: undefined }
  runInNewContext(code, values)
  return values.result as never
}

test('the text is the scenario, whatever stands in it', () => {
  const pair = { name: 'ordered', run: { one: call, two: call }, seed }
  const text = scenarioText(pair, { from: '../app.ts', drawnBy: 7 })
  const { run, seed: told } = evaluated(text)
  assert.deepEqual(JSON.parse(JSON.stringify(run)), { one: call, two: call })
  assert.equal(told.replaceAll(/^ +/gm, '').trim(), seed)
  assert.match(text, /import \{ app \} from '\.\.\/app\.ts'/)
  assert.ok(text.split('\n').every((line) => line.length <= 100))
})

test('what the pairs say beside the app is taken over', () => {
  const pair = { name: 'ordered', run: {}, seed: async () => {} }
  const text = scenarioText(pair, {
    from: './prove.ts',
    pairs: 'all',
    fields: ['invariants'],
    drawnBy: 1,
  })
  assert.match(text, /import \{ all \} from '\.\/prove\.ts'/)
  assert.match(text, / {2}app: all\.app,\n {2}invariants: all\.invariants,\n {2}seed: all\.seed,/)
})
