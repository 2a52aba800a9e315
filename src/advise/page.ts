/** Entries as Markdown, for the skill and for resources: everything, whoever asks. */
import type { Calculator } from './calculator.ts'
import type { Condition, Decision } from './decision.ts'
import { conditionsOf } from './evaluate.ts'
import { phrase, thousands, withUnit } from './phrase.ts'
import { type Playbook, settingsFor } from './playbook.ts'
import { questions } from './questions.ts'
import { type AdviceSource, checkedText } from './source.ts'

export function decisionPage(one: Decision): string {
  return page([
    `# ${one.title}`,
    '',
    `**${one.rule}**`,
    '',
    one.question,
    '',
    `Ask for an answer with \`holdfast advise ${one.id}\`. What it turns on:`,
    '',
    ...questionLines(one),
    '',
    '## The tree, first that holds',
    '',
    ...one.branches.map(
      ({ when, pick, why }) => `1. ${conditionText(when)}: **${one.options[pick]?.name}**. ${why}`,
    ),
    `1. Otherwise: **${one.options[one.otherwise.pick]?.name}**. ${one.otherwise.why}`,
    '',
    '## Options and what they cost',
    '',
    ...Object.values(one.options).map(({ name, cost }) => `- ${name}: ${cost}.`),
    '',
    '## Mind',
    '',
    ...one.notes.map(({ when, say }) => `- ${conditionText(when)}: ${say}`),
    '',
    '## It flips',
    '',
    ...one.flips.map(({ at, to }) => `- ${at}: ${one.options[to]?.name}.`),
    '',
    '## Measure next',
    '',
    ...one.measure.map((what) => `- ${what}`),
    '',
    `Not known: ${one.uncertainty}`,
    '',
    ...sourceList(one.sources),
  ])
}

function questionLines(one: Decision): readonly string[] {
  const ids = [...new Set(conditionsOf(one).map(({ question }) => question))]
  return ids.map((id) => {
    const question = questions[id]
    const assumed = `assumed ${withUnit(id, question.assume)}`
    if (question.kind === 'number')
      return `- \`${id}\` (number, ${question.unit}, ${thousands(question.min)} to ${thousands(question.max)}; ${assumed}): ${question.ask}`
    if (question.kind === 'yes-no')
      return `- \`${id}\` (true or false; ${assumed}): ${question.ask}`
    const choices = Object.entries(question.choices).map(
      ([name, means]) => `\`${name}\` (${means})`,
    )
    return `- \`${id}\` (${assumed}): ${question.ask}: ${choices.join(', ')}`
  })
}

function conditionText(condition: Condition): string {
  if (!('of' in condition)) return phrase(condition)
  const parts = condition.of.map((part) =>
    'of' in part ? `(${conditionText(part)})` : conditionText(part),
  )
  return parts.join(condition.op === 'all' ? ' and ' : ' or ')
}

export function calculatorPage(one: Calculator): string {
  return page([
    `# ${one.title}`,
    '',
    `**${one.rule}**`,
    '',
    one.question,
    '',
    `\`holdfast advise ${one.id} ${Object.keys(one.inputs)[0]}=...\`; every input may be a range, \`low..high\`.`,
    '',
    '| input | unit | assumed | what |',
    '| --- | --- | --- | --- |',
    ...Object.entries(one.inputs).map(([name, { ask, unit, assume, between }]) => {
      const value = between === undefined ? thousands(assume) : between.map(thousands).join('..')
      return `| ${name} | ${unit} | ${value} | ${ask} |`
    }),
    '',
    ...one.formulas.map((formula) => `- ${formula}`),
    '',
    `Not known: ${one.uncertainty}`,
    '',
    ...sourceList(one.sources),
  ])
}

export function playbookPage(one: Playbook): string {
  return page([
    `# ${one.title}`,
    '',
    `**${one.rule}**`,
    '',
    ...one.steps.flatMap(({ act, run, read }, index) => [
      `${index + 1}. ${act}`,
      ...(run === undefined
        ? []
        : [
            '',
            ...(run.changes ? ['   This changes something: read it first.', ''] : []),
            ...settingsFor(run).flatMap((line) => [`   In psql, first: \`${line}\``, '']),
            `   \`\`\`${run.language}`,
            ...run.text.split('\n').map((line) => `   ${line}`),
            '   ```',
            '',
          ]),
      ...(read === undefined ? [] : [`   ${read}`]),
      '',
    ]),
    `Over when: ${one.done}`,
    '',
    ...sourceList(one.sources),
  ])
}

function sourceList(sources: readonly AdviceSource[]): readonly string[] {
  return sources.map((source) => {
    const mind = source.caveat === undefined ? '' : `; ${source.caveat}`
    return `- [${source.title}](${source.url}), ${checkedText(source)}${mind}`
  })
}

function page(lines: readonly string[]): string {
  return `${lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`
}
