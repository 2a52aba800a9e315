/** A trace in columns, one for each command, as it goes from top to bottom. */
import { relative } from 'node:path'
import type { TraceStep } from '../verdict.ts'

const WIDTH = 112
const NUMBER_WIDTH = 4
const GAP = 2

interface Line {
  readonly number: string
  readonly command: string
  readonly lines: readonly string[]
}

export function traceText(trace: readonly TraceStep[], cwd: string): string {
  const commands = [...new Set(trace.map(({ command }) => command))]
  const width = Math.floor((WIDTH - NUMBER_WIDTH) / commands.length) - GAP
  const entries = trace.flatMap((step, at) => entriesOf(step, at, trace, cwd))
  const head = ' '.repeat(NUMBER_WIDTH) + commands.map((name) => name.padEnd(width + GAP)).join('')
  const rule =
    ' '.repeat(NUMBER_WIDTH) +
    commands.map((name) => '-'.repeat(name.length).padEnd(width + GAP)).join('')
  return [head, rule, ...entries.flatMap((entry) => columns(entry, commands, width))]
    .map((line) => line.trimEnd())
    .join('\n')
}

function entriesOf(step: TraceStep, at: number, trace: readonly TraceStep[], cwd: string): Line[] {
  const { command, freedBy, waitedFor, part, fault } = step
  const place = step.place === undefined ? [] : [relative(cwd, step.place)]
  const waits = freedBy === undefined ? undefined : `waits for ${waitedFor.join(' and ')} ...`
  const first: Line = {
    number: String(at + 1),
    command,
    lines: [
      withValues(step),
      ...place,
      ...(waits === undefined ? answerLines(step) : [waits]),
      ...(fault === undefined ? [] : [`*** ${fault}`]),
    ],
  }
  const begins = part === undefined ? [] : [{ number: '', command, lines: [`(${part})`] }]
  return [...begins, first, ...trace.flatMap((other, place) => freed(other, place, at))]
}

/** Whoever this step has let go shows what it was answered. */
function freed(other: TraceStep, place: number, at: number): Line[] {
  if (other.freedBy !== at + 1) return []
  return [
    {
      number: '',
      command: other.command,
      lines: [`(${place + 1} goes on)`, ...answerLines(other)],
    },
  ]
}

function answerLines(step: TraceStep): string[] {
  return saysNothing(step) ? [] : [`-> ${step.answer}`]
}

/** BEGIN is answered with BEGIN. */
export function saysNothing({ answer, sql }: TraceStep): boolean {
  return answer === '' || sql.toUpperCase().startsWith(answer)
}

/** The parameters where they stand in the text. */
export function withValues({ sql, values }: TraceStep): string {
  return sql.replaceAll(/\$(\d+)/g, (name, number) => {
    const value = values[Number(number) - 1]
    if (value === undefined) return name
    return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value))
  })
}

function columns(entry: Line, commands: readonly string[], width: number): string[] {
  const indent = ' '.repeat(commands.indexOf(entry.command) * (width + GAP))
  const lines = entry.lines.flatMap((line, index) => {
    const wrapped = wrap(line, width - (index === 0 ? 0 : 3))
    return index === 0 ? wrapped : wrapped.map((text) => `   ${text}`)
  })
  return lines.map(
    (line, index) =>
      `${(index === 0 ? entry.number : '').padStart(NUMBER_WIDTH - 2)}  ${indent}${line}`,
  )
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length > width && line !== '') {
      lines.push(line)
      line = `  ${word}`
    } else line = longer
  }
  return [...lines, line]
}
