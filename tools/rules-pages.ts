/**
 * The pages of the rulebook under docs/rules, from its entries and their code:
 *
 *   node tools/launch.mjs tools/rules-pages.ts
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { coverage, coverageTable } from '../src/cli/rules-coverage.ts'
import type { Area, Rule } from '../src/rules/rule.ts'
import { causesOf, findRule, inReview, rules, rulesOfSymptom } from '../src/rules/rules.ts'
import { type Symptom, type SymptomId, symptoms } from '../src/rules/symptom.ts'

const root = join(import.meta.dirname, '..')
const FOLDER = 'docs/rules'

/** By path, from the root of the repository. */
export function rulesPages(): ReadonlyMap<string, string> {
  const pages = rules.map((rule) => [`${FOLDER}/${rule.id}.md`, rulePage(rule)] as const)
  return new Map([
    ...pages,
    [`${FOLDER}/README.md`, indexPage()],
    [`${FOLDER}/symptoms.md`, symptomsPage()],
    [`${FOLDER}/search-index.json`, searchIndex()],
  ])
}

/** Pages of entries that are no more stay behind otherwise. */
export function pagesThere(): readonly string[] {
  return globSync(`${FOLDER}/*`, { cwd: root }).sort()
}

function rulePage(rule: Rule): string {
  const { id, kind, area, severity, title } = rule
  return [
    `# ${text(title)}`,
    '',
    `\`${id}\` · ${kind} · ${severity} · ${area}`,
    '',
    `**${text(rule.rule)}**`,
    '',
    text(rule.why),
    '',
    `**Not when:** ${uncapitalised(text(rule.whenNot))}`,
    '',
    '## Broken',
    ...code(id, 'broken.ts'),
    '## Fixed',
    ...code(id, 'fixed.ts'),
    ...helperLines(id),
    ...trialLines(id),
    ...reviewLines(rule),
    ...holdfastLines(rule),
    '## See also',
    '',
    ...rule.related.map((other) => `- [${text(findRule(other)?.title ?? other)}](${other}.md)`),
    '',
    `Shows as: ${rule.symptoms.map(symptomLink).join(' · ')}`,
    '',
    '## Sources',
    '',
    ...rule.sources.map(
      (source) => `- [${source.title}](${source.url}), checked ${source.checked}`,
    ),
    '',
  ].join('\n')
}

function code(id: string, file: string): readonly string[] {
  const source = readFileSync(join(root, 'src/rules/code', id, file), 'utf8')
  return ['', '```ts', source.trimEnd(), '```', '']
}

function helperLines(id: string): readonly string[] {
  const source = ['broken.ts', 'fixed.ts'].map((file) =>
    readFileSync(join(root, 'src/rules/code', id, file), 'utf8'),
  )
  if (!source.join('').includes(`'../${HELPER}'`)) return []
  return [`\`inTransaction\` is [ten lines](../../src/rules/code/${HELPER}).`, '']
}

const HELPER = 'transaction.ts'

const trials = globSync('test/rules/*.test.ts', { cwd: root }).map((path) => ({
  path,
  source: readFileSync(join(root, path), 'utf8'),
}))

function trialOf(id: string): { readonly path: string } | undefined {
  return trials.find(({ source }) => new RegExp(`executes[^(]*\\('${id}'`).test(source))
}

function trialLines(id: string): readonly string[] {
  const trial = trialOf(id)
  return trial === undefined ? [] : [`Both are run by [${trial.path}](../../${trial.path}).`, '']
}

function reviewLines(rule: Rule): readonly string[] {
  const found = inReview(rule)
  return found === undefined ? [] : ['## In review', '', text(found), '']
}

function holdfastLines({ holdfast }: Rule): readonly string[] {
  if (holdfast === undefined) return []
  const { does, see, proof } = holdfast
  const links = see.map((path) => `[${path.replace(/^docs\//, '')}](${linkTo(path)})`)
  return [
    '## In Holdfast',
    '',
    text(does),
    '',
    `See ${links.join(', ')}. Proof: [${proof}](${linkTo(proof)}).`,
    '',
  ]
}

function linkTo(path: string): string {
  return path.startsWith('docs/') ? path.replace(/^docs\//, '../') : `../../${path}`
}

function symptomLink(id: SymptomId): string {
  const { title } = symptoms[id]
  return `[${title}](symptoms.md#${anchorOf(title)})`
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}

/** What Markdown would read as a mark, outside of code. */
function text(plain: string): string {
  return plain
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll(/[*_<|]/g, '\\$&')))
    .join('')
}

function uncapitalised(sentence: string): string {
  return /^[A-Z][a-z]/.test(sentence)
    ? sentence.charAt(0).toLowerCase() + sentence.slice(1)
    : sentence
}

const AREAS: Readonly<Record<Area, string>> = {
  concurrency: 'Concurrency and transactions',
  queries: 'Queries and schema',
  connections: 'Connections',
  messaging: 'Events, jobs and webhooks',
  calls: 'Calls to others',
  caching: 'Caching',
  migrations: 'Migrations',
  security: 'Security',
  api: 'The API',
  structure: 'Structure',
  operations: 'Operations',
  runtime: 'One process',
}

function indexPage(): string {
  const count = (kind: string) => rules.filter((rule) => rule.kind === kind).length
  return [
    '# Rulebook',
    '',
    `What holds in backends, and what does not: ${count('pattern')} patterns and`,
    `${count('anti-pattern')} anti-patterns, each with the failure it is about, code that breaks it and`,
    'code that holds, when it does not apply, and dated sources. Something is wrong right now?',
    'Begin with [what you see](symptoms.md).',
    '',
    'In a terminal: `holdfast rules <words>` searches, `holdfast rules <id>` shows one.',
    '[search-index.json](search-index.json) is the same list for programs.',
    '',
    'These pages are made from [the entries](../../src/rules); a test keeps them so.',
    '',
    ...shownTable(),
    '',
    'Each entry is reached from somewhere: its page, the reviewer, the adviser (decisions, calculators and',
    'playbooks are entries as well), [the skill](../guides/skill.md). `holdfast rules --coverage` counts:',
    '',
    ...coverageTable(coverage()),
    ...Object.entries(AREAS).flatMap(([area, title]) => areaLines(area as Area, title)),
    '',
  ].join('\n')
}

/** How much of the book is shown, and how much only said. */
function shownTable(): readonly string[] {
  const row = (title: string, found: readonly Rule[]) => {
    const run = found.filter(({ id }) => trialOf(id) !== undefined).length
    const proved = found.filter(({ holdfast }) => holdfast !== undefined).length
    return `| ${title} | ${found.length} | ${run} | ${proved} |`
  }
  return [
    '| area | entries | code is run | default of Holdfast, with proof |',
    '| --- | ---: | ---: | ---: |',
    ...Object.entries(AREAS).map(([area, title]) =>
      row(
        title,
        rules.filter((rule) => rule.area === area),
      ),
    ),
    row('all', rules),
    '',
    'All code is compiled. An entry without a default is advice.',
  ]
}

function areaLines(area: Area, title: string): readonly string[] {
  const kinds = [
    ['pattern', 'Patterns'],
    ['anti-pattern', 'Anti-patterns'],
  ] as const
  return [
    '',
    `## ${title}`,
    ...kinds.flatMap(([kind, heading]) => {
      const found = rules.filter((rule) => rule.area === area && rule.kind === kind)
      if (found.length === 0) return []
      return ['', `| ${heading} | severity | rule |`, '| --- | --- | --- |', ...found.map(rowOf)]
    }),
  ]
}

function rowOf({ id, severity, rule }: Rule): string {
  return `| [${id}](${id}.md) | ${severity} | ${text(rule)} |`
}

function symptomsPage(): string {
  const entries = Object.entries<Symptom>(symptoms)
  return [
    '# What you see',
    '',
    'Begin with what shows. Do what stops the damage, run the playbook where there is one, then ask the',
    'question: it tells apart what can cause it. Likely causes come first, gravest before the rest.',
    'In a terminal: `holdfast rules symptoms`, `holdfast rules <your words>`.',
    '',
    ...entries.map(([, { title }]) => `- [${title}](#${anchorOf(title)})`),
    ...entries.flatMap(([id, symptom]) => [
      '',
      `## ${symptom.title}`,
      '',
      `**First:** ${symptom.first}`,
      '',
      ...runbookLines(symptom),
      `**Ask:** ${symptom.ask}`,
      '',
      ...causeLines(id as SymptomId),
    ]),
    '',
  ].join('\n')
}

function runbookLines({ runbook }: Symptom): readonly string[] {
  if (runbook === undefined) return []
  const page = `../../skill/holdfast-backend/references/playbook-${runbook}.md`
  return [`**Then:** [\`holdfast advise runbook ${runbook}\`](${page})`, '']
}

function causeLines(id: SymptomId): readonly string[] {
  const line = (rule: Rule) =>
    `- [${text(rule.title)}](${rule.id}.md): ${uncapitalised(text(rule.rule))}`
  const causes = causesOf(id)
  const others = rulesOfSymptom(id).filter((rule) => !causes.includes(rule))
  const rest = others.map((rule) => `[${text(rule.title)}](${rule.id}.md)`)
  return [...causes.map(line), ...(rest.length > 0 ? ['', `More: ${rest.join(' · ')}.`] : [])]
}

function searchIndex(): string {
  const entries = rules.map(({ id, kind, area, severity, title, rule, symptoms: shown }) => ({
    id,
    kind,
    area,
    severity,
    title,
    rule,
    symptoms: shown.map((symptom) => symptoms[symptom].title),
    page: `${id}.md`,
  }))
  return `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`
}

if (import.meta.main) {
  mkdirSync(join(root, FOLDER), { recursive: true })
  const pages = rulesPages()
  for (const path of pagesThere()) if (!pages.has(path)) rmSync(join(root, path))
  for (const [path, page] of pages) writeFileSync(join(root, path), page)
  console.log(`${pages.size} pages are written into ${FOLDER}.`)
}
