/**
 * `npm run bench:proof [-- --only sets,primitives,crashes,shop,pairs,shop-crashes,soundness,mutants] --programs 1000 --faults 40 --write]`: what the
 * explorers find and certify, of what is known. `--write` puts each table that was made into PROOF.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { testServer } from '../src/testing/test-database.ts'
import { machineLine } from './lib/machine.ts'
import { crashTable, shopCrashTable } from './prove/crashes.ts'
import { mutantTable } from './prove/mutants.ts'
import { pairsTable } from './prove/pairs.ts'
import { primitiveTable } from './prove/primitives.ts'
import { setTable } from './prove/sets.ts'
import { shopTable } from './prove/shop.ts'
import { soundnessTable } from './prove/soundness.ts'

const PAGE = new URL('./PROOF.md', import.meta.url)

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'sets,primitives,crashes,shop-crashes,soundness,mutants' },
    programs: { type: 'string', default: '1000' },
    faults: { type: 'string', default: '40' },
    write: { type: 'boolean', default: false },
  },
})

const tables: Readonly<Record<string, () => Promise<string>>> = {
  sets: setTable,
  primitives: primitiveTable,
  crashes: crashTable,
  'shop-crashes': () => shopCrashTable(Number(values.faults)),
  soundness: () => soundnessTable(Number(values.programs)),
  mutants: mutantTable,
  shop: shopTable,
  pairs: pairsTable,
}

async function serverVersion(): Promise<string> {
  const client = new Client({ connectionString: (await testServer()).url })
  await client.connect()
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  await client.end()
  return rows[0]?.server_version ?? 'unknown'
}

/** Between the two marks of the section. */
function replaceSection(page: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = page.split(start)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`PROOF.md has no section ${name}.`)
  return `${before}${start}\n\n${text}\n\n${end}${after}`
}

const machine = machineLine(await serverVersion())
for (const name of values.only.split(',')) {
  const table = tables[name]
  if (table === undefined) throw new Error(`There is no table ${name}.`)
  const text = `${await table()}\n\n${machine}`
  console.log(`${text}\n`)
  if (values.write) writeFileSync(PAGE, replaceSection(readFileSync(PAGE, 'utf8'), name, text))
}
process.exit(0)
