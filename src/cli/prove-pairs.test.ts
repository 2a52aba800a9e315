/** `holdfast prove` without a file: the commands of the project's app with each other. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandLine } from '../../test/command-line.ts'

const TILLS = new URL('../../test/race/pairs/tills.ts', import.meta.url).href
const PROVE = new URL('../prove.ts', import.meta.url).href

const CONFIG = `export const config = { migrations: [], app: './app.ts' }\n`

test('a violation is shown with a scenario that shows it again, and written with a test', async (context) => {
  const { run, path } = await commandLine(context, {
    'holdfast.config.ts': CONFIG,
    'app.ts': `export { racy as app } from '${TILLS}'\n`,
  })
  const { code, out, err } = await run('prove --only takeOutTwice --seed 7 --out found')
  assert.equal(code, 1, err)
  assert.match(err, /Pairs of app\.ts, with inputs drawn by --seed 7/)
  assert.match(out, /^VIOLATION {2}takeOutTwice: lost update/)
  assert.match(out, /The same as a scenario.*\n\n {4}\/\/ Drawn by `holdfast prove --seed 7`/)
  assert.match(out, /import \{ app \} from '\.\/app\.ts'/)
  assert.deepEqual((await readdir(join(path, 'found'))).sort(), [
    'takeOutTwice.html',
    'takeOutTwice.json',
    'takeOutTwice.races.ts',
    'takeOutTwice.test.ts',
    'takeOutTwice.txt',
  ])
  const tested = await readFile(join(path, 'found/takeOutTwice.test.ts'), 'utf8')
  assert.match(tested, /import \{ takeOutTwice \} from '\.\/takeOutTwice\.races\.ts'/)
  const races = join(path, 'found/takeOutTwice.races.ts')
  // A project has the package installed; this folder has not.
  const text = (await readFile(races, 'utf8')).replace('holdfast/prove', PROVE)
  await writeFile(races, text)
  const [, replay] = /--only takeOutTwice --replay (\d+)/.exec(out) ?? []
  const again = await run(`prove found/takeOutTwice.races.ts --replay ${replay}`)
  assert.equal(again.code, 1, again.err)
  assert.match(again.out, /^VIOLATION {2}takeOutTwice: lost update/)
})

test('the file of the project says more than the app, and names are checked', async (context) => {
  const { run } = await commandLine(context, {
    'holdfast.config.ts': `export const config = { migrations: [], prove: './prove.ts' }\n`,
    'prove.ts': `import { sound } from '${TILLS}'
import { pairs } from '${PROVE}'
export const tills = pairs({ app: sound, except: ['tills.take-out', 'tills.rename-till', 'tills.put-up'] })
`,
  })
  const { code, out, err } = await run('prove')
  assert.equal(code, 0, err)
  assert.match(out, /^CERTIFIED {2}openTillTwice.*\n.*\n {2}openTill: \{"name":.*by ann of acme/)
  assert.match(out, /1 certified, 0 violated, 0 inconclusive$/)
  const misspelt = await run('prove --only openTil')
  assert.equal(misspelt.code, 2)
  assert.match(misspelt.err, /There is no pair "openTil"/)
  const replay = await run('prove --replay 01')
  assert.match(replay.err, /--replay is for one schedule of a file/)
  const seed = await run('prove --seed x')
  assert.match(seed.err, /--seed x is no number/)
})
