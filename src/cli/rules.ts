import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Rule } from '../rules/rule.ts'
import { findRule, rules } from '../rules/rules.ts'
import { createSearch } from '../rules/search.ts'
import { symptoms } from '../rules/symptom.ts'
import type { Command, Terminal } from './command.ts'
import { type RuleCode, readRuleCode } from './rule-code.ts'

const HITS_MAX = 10

export const rulesCommand: Command = {
  name: 'rules',
  summary: 'Look into the rulebook: by id, or by any words; without one, list it',
  args: ['words...?'],
  options: { json: { type: 'boolean', summary: 'The same as JSON' } },
  async run({ terminal, args, flag }) {
    const query = args.join(' ')
    const rule = findRule(args.join('-'))
    if (rule !== undefined) return showRule(terminal, rule, flag('json'))
    const found =
      query === '' ? rules : createSearch(rules)(query, HITS_MAX).map(({ entry }) => entry)
    if (found.length === 0) throw nothingFound(query)
    if (flag('json')) terminal.out(JSON.stringify(found, null, 2))
    else for (const one of found) terminal.out(lineOf(one))
    return 0
  },
}

function nothingFound(query: string): HoldfastError {
  const hint = didYouMean(
    query,
    rules.map(({ id }) => id),
  )
  return new HoldfastError('HF_USAGE', `No rule speaks of "${query}"${hint || '.'}`)
}

async function showRule({ out }: Terminal, rule: Rule, json: boolean): Promise<number> {
  const code = await readRuleCode(rule.id)
  out(json ? JSON.stringify({ ...rule, code }, null, 2) : rulePage(rule, code))
  return 0
}

const ID_WIDTH = 30
const WIDTH = 96

function lineOf({ id, severity, rule }: Rule): string {
  return `${severity.padEnd(8)}${id.padEnd(ID_WIDTH)} ${rule}`
}

export function rulePage(rule: Rule, { broken, fixed }: RuleCode): string {
  const { id, kind, severity, title, why, whenNot, holdfast, related, sources } = rule
  return [
    `${title}  (${id}, ${kind}, ${severity})`,
    '',
    ...wrap(rule.rule),
    ...section('Why', wrap(why)),
    ...section('Not when', wrap(whenNot)),
    ...section('Broken', codeLines(broken)),
    ...section('Fixed', codeLines(fixed)),
    ...(holdfast === undefined
      ? []
      : section('In Holdfast', [...wrap(holdfast.does), `  Proof: ${holdfast.proof}`])),
    ...section(
      'Shows as',
      rule.symptoms.map((symptom) => `  ${symptoms[symptom].title}`),
    ),
    ...section('See also', [`  ${related.join(', ')}`]),
    ...section(
      'Sources',
      sources.flatMap(({ title, url, checked }) => [
        `  ${title}, checked ${checked}`,
        `    ${url}`,
      ]),
    ),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

function codeLines(code: string): readonly string[] {
  return code
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
}

function wrap(text: string): readonly string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length + 1 > WIDTH) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map((line) => `  ${line}`)
}
