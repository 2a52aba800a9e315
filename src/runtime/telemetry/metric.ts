/**
 * Metrics of the process, as Prometheus reads them (text exposition format 0.0.4).
 *
 * Of our own, because the hot path counts here: a series is resolved once, when an operation is
 * bound, and counting is then an addition to a field, with no lookup by labels and no allocation.
 *
 * Terms. A *family* has a name, a help text and label names. A *series* is a family with values for
 * its labels. *Read* families ask for their numbers when somebody scrapes: for what is counted
 * elsewhere already. The number of series of a family is bounded: what goes beyond is counted
 * together, under `_other`.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface FamilyOptions {
  /** Counters end in `_total`, all others in their unit: `_seconds`, `_bytes`. */
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
}

/** What a read family tells: values of its labels, and the number. */
export interface Sample {
  readonly labels?: readonly string[]
  readonly value: number
}

/** Operations, problems and statuses of a large app stay well below; ids as labels would not. */
const SERIES_MAX = 5_000
const OTHER = '_other'
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

interface Family {
  readonly name: string
  lines(): readonly string[]
}

export class Metrics {
  readonly #families = new Map<string, Family>()

  counter(options: FamilyOptions): CounterFamily {
    return this.#add(new CounterFamily(options))
  }

  /** `bounds`: upper bounds of the buckets, ascending; +Inf is added. */
  histogram(options: FamilyOptions & { readonly bounds: readonly number[] }): HistogramFamily {
    return this.#add(new HistogramFamily(options))
  }

  /** Asked at each scrape. */
  read(
    type: 'counter' | 'gauge',
    options: FamilyOptions,
    samples: () => number | readonly Sample[],
  ): void {
    this.#add(new ReadFamily(type, options, samples))
  }

  /** The exposition, without the last line feed. */
  lines(): string[] {
    return [...this.#families.values()].flatMap((family) => family.lines())
  }

  #add<F extends Family>(family: F): F {
    if (this.#families.has(family.name)) {
      throw new TypeError(`There is a metric ${family.name} already.`)
    }
    this.#families.set(family.name, family)
    return family
  }
}

export interface Counter {
  add(count?: number): void
}

export interface Histogram {
  observe(value: number): void
}

/** A family whose series are made when they are first asked for, and kept. */
abstract class SeriesFamily<S> implements Family {
  readonly name: string
  readonly labels: readonly string[]
  readonly #head: readonly string[]
  readonly #series = new Map<string, { readonly text: string; readonly series: S }>()

  constructor(type: MetricType, { name, help, labels = [] }: FamilyOptions) {
    this.name = name
    this.labels = labels
    this.#head = head(type, name, help, labels)
  }

  /** The series of these label values, in the order of the family's labels. */
  with(...values: readonly string[]): S {
    const key = JSON.stringify(values)
    const known = this.#series.get(key)
    if (known !== undefined) return known.series
    if (this.#series.size >= SERIES_MAX) return this.#other()
    return this.#make(key, values)
  }

  #other(): S {
    const values = this.labels.map(() => OTHER)
    const key = JSON.stringify(values)
    return this.#series.get(key)?.series ?? this.#make(key, values)
  }

  #make(key: string, values: readonly string[]): S {
    const made = { text: labelText(this.labels, values), series: this.make() }
    this.#series.set(key, made)
    return made.series
  }

  lines(): readonly string[] {
    const lines = [...this.#series.values()].flatMap(({ text, series }) => this.print(series, text))
    return lines.length === 0 ? [] : [...this.#head, ...lines]
  }

  protected abstract make(): S
  protected abstract print(series: S, labels: string): readonly string[]
}

class CountedSeries implements Counter {
  value = 0

  add(count = 1): void {
    this.value += count
  }
}

export class CounterFamily extends SeriesFamily<CountedSeries> {
  constructor(options: FamilyOptions) {
    super('counter', options)
  }

  protected make(): CountedSeries {
    return new CountedSeries()
  }

  protected print({ value }: CountedSeries, labels: string): readonly string[] {
    return [line(this.name, labels, value)]
  }
}

class MeasuredSeries implements Histogram {
  readonly bounds: readonly number[]
  /** One for each bound, and the last for what is above all of them; not cumulative. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    this.sum += value
    const { bounds, counts } = this
    let at = 0
    // Most requests are fast: from the lowest bound up, this ends after one or two steps.
    while (at < bounds.length && value > (bounds[at] as number)) at++
    counts[at] = (counts[at] as number) + 1
  }
}

export class HistogramFamily extends SeriesFamily<MeasuredSeries> {
  readonly #bounds: readonly number[]

  constructor(options: FamilyOptions & { readonly bounds: readonly number[] }) {
    super('histogram', options)
    this.#bounds = options.bounds
  }

  protected make(): MeasuredSeries {
    return new MeasuredSeries(this.#bounds)
  }

  protected print({ bounds, counts, sum }: MeasuredSeries, labels: string): readonly string[] {
    let count = 0
    const buckets = counts.map((own, at) => {
      count += own
      const le = `le="${at < bounds.length ? bounds[at] : '+Inf'}"`
      return line(`${this.name}_bucket`, labels === '' ? le : `${labels},${le}`, count)
    })
    const { name } = this
    return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)]
  }
}

class ReadFamily implements Family {
  readonly name: string
  readonly #labels: readonly string[]
  readonly #head: readonly string[]
  readonly #samples: () => number | readonly Sample[]

  constructor(
    type: 'counter' | 'gauge',
    { name, help, labels = [] }: FamilyOptions,
    samples: () => number | readonly Sample[],
  ) {
    this.name = name
    this.#labels = labels
    this.#head = head(type, name, help, labels)
    this.#samples = samples
  }

  lines(): readonly string[] {
    const told = this.#samples()
    const samples = typeof told === 'number' ? [{ value: told }] : told
    if (samples.length === 0) return []
    const lines = samples.map(({ labels = [], value }) =>
      line(this.name, labelText(this.#labels, labels), value),
    )
    return [...this.#head, ...lines]
  }
}

function head(
  type: MetricType,
  name: string,
  help: string,
  labels: readonly string[],
): readonly string[] {
  for (const each of [name, ...labels]) {
    if (!NAME.test(each)) throw new TypeError(`"${each}" is no name of a metric or label.`)
  }
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return [`# HELP ${name} ${text}`, `# TYPE ${name} ${type}`]
}

function line(name: string, labels: string, value: number): string {
  return `${labels === '' ? name : `${name}{${labels}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length !== values.length) {
    throw new TypeError(`${names.length} labels and ${values.length} values for them.`)
  }
  return names.map((name, at) => `${name}="${escaped(values[at] as string)}"`).join(',')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Of the semantic conventions, for durations of requests and calls, in seconds. */
export const DURATION_BOUNDS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const
