/**
 * A strict reader of the text exposition format 0.0.4, with the rules that `promtool check metrics`
 * adds: help and type before the samples, families in one piece, names that say what they are.
 */
import assert from 'node:assert/strict'

export interface ExposedFamily {
  readonly name: string
  readonly type: string
  readonly samples: readonly ExposedSample[]
}

export interface ExposedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"'
const HELP = new RegExp(`^# HELP (${NAME}) (\\S.*)$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`)

/** Throws at the first thing that is not as it should be. */
export function parseExposition(text: string): Map<string, ExposedFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends in a line feed')
  const families = new Map<string, ExposedFamily & { samples: ExposedSample[] }>()
  let help: string | undefined
  let family: (ExposedFamily & { samples: ExposedSample[] }) | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('# HELP ')) {
      help = HELP.exec(line)?.[1]
      assert.ok(help, line)
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = TYPE.exec(line) ?? []
      assert.equal(name, help, `help stands before its type: ${line}`)
      assert.ok(!families.has(name), `${name} comes twice`)
      family = { name, type, samples: [] }
      families.set(name, family)
    } else {
      assert.ok(family, line)
      family.samples.push(sampleOf(line, family))
    }
  }
  for (const each of families.values()) check(each)
  return families
}

function sampleOf(line: string, family: ExposedFamily): ExposedSample {
  const match = SAMPLE.exec(line)
  assert.ok(match, `no sample: ${line}`)
  const name = match[1] as string
  const suffix = name.slice(family.name.length)
  const known = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  assert.ok(name.startsWith(family.name) && known.includes(suffix), `${line} of ${family.name}`)
  const pairs = [...(match[2] ?? '').matchAll(new RegExp(LABEL, 'g'))]
  const labels = Object.fromEntries(pairs.map(([, key, value]) => [key, value]))
  assert.equal(Object.keys(labels).length, pairs.length, `a label twice: ${line}`)
  const value = match.at(-1) === '+Inf' ? Number.POSITIVE_INFINITY : Number(match.at(-1))
  assert.ok(!Number.isNaN(value), `no number: ${line}`)
  return { name, labels, value }
}

function check({ name, type, samples }: ExposedFamily): void {
  assert.ok(samples.length > 0, `${name} has no sample`)
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
  assert.doesNotMatch(name, /_(?:ms|millis|us|ns|kb|mb|count_total)$/, `${name}: base units`)
  const series = samples.map((each) => each.name + JSON.stringify(each.labels))
  assert.equal(new Set(series).size, series.length, `${name}: a series twice`)
  if (type !== 'gauge') for (const { value } of samples) assert.ok(value >= 0, name)
  if (type === 'histogram') checkHistogram(name, samples)
}

/** Buckets grow, the last is +Inf, and it is the count. */
function checkHistogram(name: string, samples: readonly ExposedSample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(rest))
  for (const [labels, group] of groups) {
    const buckets = group.filter((each) => each.name === `${name}_bucket`)
    const bounds = buckets.map((each) => Number(each.labels.le?.replace('+Inf', 'Infinity')))
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name} ${labels}`)
    for (let at = 1; at < buckets.length; at++) {
      assert.ok((bounds[at - 1] as number) < (bounds[at] as number), `${name} ${labels}`)
      const [lower, upper] = [buckets[at - 1], buckets[at]]
      assert.ok((lower?.value as number) <= (upper?.value as number), `${name} ${labels}`)
    }
    const count = group.find((each) => each.name === `${name}_count`)
    assert.equal(count?.value, buckets.at(-1)?.value, `${name} ${labels}`)
    assert.ok(group.some((each) => each.name === `${name}_sum`))
  }
}

/** The sum of the samples of a name whose labels hold these. */
export function sampled(
  families: ReadonlyMap<string, ExposedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0)
}
