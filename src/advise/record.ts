/** Advice as a decision record in the manner of MADR (https://github.com/adr/madr). */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Advice } from './advice.ts'
import { flipText, withUnit } from './phrase.ts'
import { sourceState } from './source.ts'

const NAME = /^(\d{4})-([a-z0-9-]+)\.md$/

/** Writes the next record into the folder; earlier ones of the decision stay as they are. */
export async function writeRecord(folder: string, advice: Advice, nowMs: number): Promise<string> {
  await mkdir(folder, { recursive: true })
  const records = (await readdir(folder)).flatMap((name) => {
    const match = NAME.exec(name)
    return match === null ? [] : [{ name, place: Number(match[1]), decision: match[2] as string }]
  })
  const last = Math.max(0, ...records.map(({ place }) => place))
  const earlier = records.filter(({ decision }) => decision === advice.decision).at(-1)
  const path = join(folder, `${String(last + 1).padStart(4, '0')}-${advice.decision}.md`)
  // 'wx': two runs at once must not write one number.
  await writeFile(path, recordText(advice, nowMs, earlier?.name), { flag: 'wx' })
  return path
}

export function recordText(advice: Advice, nowMs: number, supersedes?: string): string {
  const date = new Date(nowMs).toISOString().slice(0, 10)
  const { pick, flips, measuredFlips } = advice
  const lines = [
    '---',
    'status: proposed',
    `date: ${date}`,
    '---',
    '',
    `# ${advice.title}: ${pick.name}`,
    '',
    ...(supersedes === undefined ? [] : [`Supersedes [${supersedes}](${supersedes}).`, '']),
    '## Context and problem',
    '',
    advice.question,
    '',
    ...advice.answers.map(
      ({ id, ask, value, origin, from }) =>
        `- ${ask}: **${withUnit(id, value)}** (${origin === 'read' ? `read: ${from}` : origin})`,
    ),
    '',
    '## Decision',
    '',
    `${pick.name}. ${advice.why}`,
    '',
    '### Consequences',
    '',
    `- Costs: ${pick.cost}.`,
    ...advice.notes.map((note) => `- ${note}`),
    '',
    '### When to decide again',
    '',
    ...flips.map((flip) => `- towards ${flip.to}: ${flipText(flip)}`),
    ...measuredFlips.map(({ at, to }) => `- towards ${to}: ${at}`),
    '',
    '### What to measure',
    '',
    ...advice.measure.map((what) => `- ${what}`),
    '',
    '## Options that were not taken',
    '',
    ...advice.alternatives.map(({ name, cost }) => `- ${name}. Costs: ${cost}.`),
    '',
    '## More',
    '',
    `Not known: ${advice.uncertainty}`,
    '',
    ...advice.sources.map((source) => `- [${source.title}](${source.url}), ${sourceState(source)}`),
    '',
  ]
  return lines.join('\n')
}
