/** A pair as a file of its own: what was drawn, and what is left of it, for a reader to copy. */
import { readSql } from '../arena/read-sql.ts'
import type { RaceSetup } from '../race.ts'
import type { ExploredPair } from './explored-pair.ts'

export interface ScenarioTextOptions {
  /** How the file of the scenario imports the app, or the pairs that say more than the app. */
  readonly from: string
  /** The name of the export that is `pairs`; undefined: the file exports `app`. */
  readonly pairs?: string
  /** Fields that the pairs have and a scenario takes over: `services`, `invariants`. */
  readonly fields?: readonly string[]
  /** Of the draw. */
  readonly drawnBy: number
}

export function scenarioText(
  { name, run, seed }: Pick<ExploredPair, 'name' | 'run' | 'seed'>,
  { from, pairs, fields = [], drawnBy }: ScenarioTextOptions,
): string {
  const app = pairs === undefined ? 'app' : `app: ${pairs}.app`
  return [
    `// Drawn by \`holdfast prove --seed ${drawnBy}\`, and made as small as it goes.`,
    `import { scenario } from 'holdfast/prove'`,
    `import { ${pairs ?? 'app'} } from '${from}'`,
    '',
    `export const ${name} = scenario({`,
    `  ${app},`,
    ...fields.map((field) => `  ${field}: ${pairs}.${field},`),
    `  seed: ${seedLiteral(seed, pairs)},`,
    '  run: {',
    ...Object.entries(run).map(([command, call]) => `    ${command}: ${literal(call, 4)},`),
    '  },',
    '})',
    '',
  ].join('\n')
}

function seedLiteral(seed: RaceSetup, pairs: string | undefined): string {
  if (typeof seed === 'function') return `${pairs}.seed`
  const text = readSql(seed).join('\n')
  if (text === '') return `''`
  const escaped = text.replaceAll(/[\\`]|\$\{/g, '\\$&')
  return `\`\n${escaped.replaceAll(/^(?=.)/gm, '    ')}\``
}

const WIDTH = 96

/** As it would be written by hand. */
function literal(value: unknown, indent: number): string {
  const short = oneLine(value)
  if (short.length + indent <= WIDTH || typeof value !== 'object' || value === null) return short
  const pad = ' '.repeat(indent)
  const inner = Array.isArray(value)
    ? value.map((item) => `${pad}  ${literal(item, indent + 2)},`)
    : Object.entries(value).map(
        ([key, part]) => `${pad}  ${keyOf(key)}: ${literal(part, indent + 2)},`,
      )
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return [open, ...inner, `${pad}${close}`].join('\n')
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries(value).filter(([, part]) => part !== undefined)
  if (fields.length === 0) return '{}'
  return `{ ${fields.map(([key, part]) => `${keyOf(key)}: ${oneLine(part)}`).join(', ')} }`
}

function keyOf(key: string): string {
  return /^[a-zA-Z_$][\w$]*$/.test(key) && key !== '__proto__' ? key : quoted(key)
}

function quoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  return `'${escaped.replaceAll("'", "\\'")}'`
}
