import { citeSource, sourceState } from '../advise/source.ts'
import { systemClock } from '../base/clock.ts'
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { findSymptom, symptomOf } from '../rules/find-symptom.ts'
import type { Rule } from '../rules/rule.ts'
import { causesOf, findRule, inReview, rules, rulesOfSymptom } from '../rules/rules.ts'
import { createSearch } from '../rules/search.ts'
import { type SymptomId, symptoms } from '../rules/symptom.ts'
import type { Command, Terminal } from './command.ts'
import { type RuleCode, readRuleCode } from './rule-code.ts'
import { coverage, coverageTable } from './rules-coverage.ts'

const HITS_MAX = 10

const BY_SYMPTOM =
  'Something is wrong right now? holdfast rules symptoms, or holdfast rules <what you see>'

export const rulesCommand: Command = {
  name: 'rules',
  summary:
    'Look into the rulebook: by id, by any words, by what you see ("symptoms" lists that); without one, list it',
  example: 'holdfast rules idempotency',
  args: ['words...?'],
  options: {
    json: { type: 'boolean', summary: 'The same as JSON' },
    coverage: { type: 'boolean', summary: 'Which faces lead to which entry, counted' },
  },
  async run({ terminal, args, flag }) {
    if (flag('coverage')) return showCoverage(terminal, args, flag('json'))
    const query = args.join(' ')
    const rule = findRule(args.join('-'))
    if (rule !== undefined) return showRule(terminal, rule, flag('json'))
    if (query === 'symptoms') return listSymptoms(terminal, flag('json'))
    const symptom = findSymptom(query)
    if (symptom !== undefined) return showSymptom(terminal, symptom, flag('json'))
    const found =
      query === '' ? rules : createSearch(rules)(query, HITS_MAX).map(({ entry }) => entry)
    if (found.length === 0) throw nothingFound(query)
    if (flag('json')) terminal.out(JSON.stringify(found, null, 2))
    else for (const one of found) terminal.out(lineOf(one))
    if (query === '') terminal.err(BY_SYMPTOM)
    return 0
  },
}

function showCoverage({ out }: Terminal, [word]: readonly string[], json: boolean): 0 {
  if (word !== undefined)
    throw new HoldfastError('HF_USAGE', `holdfast rules --coverage: "${word}" is too much.`)
  const entries = coverage()
  if (json) out(JSON.stringify(entries, null, 2))
  else for (const line of coverageTable(entries)) out(line)
  return 0
}

function listSymptoms({ out }: Terminal, json: boolean): 0 {
  if (json) out(JSON.stringify(symptoms, null, 2))
  else
    for (const [id, { title }] of Object.entries(symptoms)) out(`${id.padEnd(ID_WIDTH)} ${title}`)
  return 0
}

function showSymptom({ out }: Terminal, id: SymptomId, json: boolean): 0 {
  const causes = causesOf(id)
  if (json) out(JSON.stringify({ id, ...symptomOf(id), causes }, null, 2))
  else out(symptomPage(id))
  return 0
}

export function symptomPage(id: SymptomId): string {
  const { title, first, runbook, ask } = symptomOf(id)
  const causes = causesOf(id)
  const others = rulesOfSymptom(id).filter((rule) => !causes.includes(rule))
  return [
    `${title}  (${id})`,
    ...section('First', wrap(first)),
    ...section('Then', runbook === undefined ? [] : [`  holdfast advise runbook ${runbook}`]),
    ...section('Ask', wrap(ask)),
    ...section('What causes it, likeliest first (holdfast rules <id>)', [
      ...causes.map((rule) => `  ${lineOf(rule)}`),
    ]),
    ...section('More', others.length === 0 ? [] : wrap(others.map((rule) => rule.id).join(', '))),
  ].join('\n')
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

export function rulePage(rule: Rule, { broken, fixed, helper }: RuleCode): string {
  const { id, kind, severity, title, why, whenNot, holdfast, related, sources } = rule
  return [
    `${title}  (${id}, ${kind}, ${severity})`,
    '',
    ...wrap(rule.rule),
    ...section('Why', wrap(why)),
    ...section('Not when', wrap(whenNot)),
    ...section('Broken', codeLines(broken)),
    ...section('Fixed', codeLines(fixed)),
    ...(helper === '' ? [] : section('transaction.ts, which they import', codeLines(helper))),
    ...section('In review', wrap(inReview(rule) ?? '')),
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
      sources
        .map((source) => citeSource(source, systemClock.now()))
        .flatMap((source) => [`  ${source.title}, ${sourceState(source)}`, `    ${source.url}`]),
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
  if (text === '') return []
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length + 1 > WIDTH) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map((line) => `  ${line}`)
}
