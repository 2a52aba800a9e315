/** A violation as one HTML file that needs nothing else: the trace drawn, a lane for each command. */
import type { TraceStep } from '../verdict.ts'
import { escaped } from './junit.ts'
import { type AnyVerdict, type ReportedFinding, reported } from './reported.ts'
import { saysNothing, withValues } from './trace-text.ts'
import type { TextOptions } from './verdict-text.ts'

export function tracePage(verdict: AnyVerdict, options: TextOptions): string {
  const { findings, counts } = reported(verdict)
  const title = `${options.name}: ${findings[0]?.title}`
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>`,
    ...findings.map((finding) => section(finding, options)),
    `<p class="counts">${counts}</p>`,
    '</main></body></html>',
  ].join('\n')
}

function section(finding: ReportedFinding, options: TextOptions): string {
  const { title, trace, evidence, fixes, message, replay } = finding
  const commands = [...new Set(trace.map(({ command }) => command))]
  return [
    `<h1>${escaped(`${options.name}: ${title}`)}</h1>`,
    `<p>${escaped(message)}</p>`,
    `<table><thead><tr><th></th>${commands.map((name) => `<th>${escaped(name)}</th>`).join('')}</tr></thead><tbody>`,
    ...trace.map((step, at) => row(step, at, commands, options)),
    '</tbody></table>',
    `<h2>What is wrong</h2><ul>${evidence.map((line) => `<li><code>${escaped(line)}</code></li>`).join('')}</ul>`,
    `<h2>What helps</h2><ul>${fixes.map(({ title, sql }) => `<li>${escaped(title)}<br><code>${escaped(sql)}</code></li>`).join('')}</ul>`,
    `<p>Again: <code>holdfast prove &lt;file&gt; --only ${escaped(options.name)} --replay ${replay}</code></p>`,
  ].join('\n')
}

function row(
  step: TraceStep,
  at: number,
  commands: readonly string[],
  { cwd }: TextOptions,
): string {
  const place = step.place?.replace(`${cwd}/`, '')
  const waits =
    step.freedBy === undefined
      ? ''
      : `<p class="waits">waits for ${escaped(step.waitedFor.join(' and '))}, until ${step.freedBy}</p>`
  const begins = step.part === undefined ? '' : `<p class="part">${escaped(step.part)}</p>`
  const fault = step.fault === undefined ? '' : `<p class="fault">${escaped(step.fault)}</p>`
  const cell =
    `<td class="step${waits === '' ? '' : ' blocked'}${fault === '' ? '' : ' failed'}">${begins}<code>${escaped(withValues(step))}</code>` +
    `${waits}${saysNothing(step) ? '' : `<p class="answer">${escaped(step.answer)}</p>`}` +
    `${place === undefined ? '' : `<p class="place">${escaped(place)}</p>`}${fault}</td>`
  const cells = commands.map((name) => (name === step.command ? cell : '<td></td>'))
  return `<tr><td class="number">${at + 1}</td>${cells.join('')}</tr>`
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
main { max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
th { text-align: left; padding: .4rem .8rem; border-bottom: 2px solid }
th:first-child { width: 2.5rem }
td { vertical-align: top; padding: .3rem .8rem; border-left: 1px solid #8884; overflow-wrap: anywhere }
td.number { text-align: right; opacity: .6; border-left: 0 }
td.step { background: #4a90d91a; border-left: 3px solid #4a90d9 }
td.blocked { background: #d9822b1a; border-left-color: #d9822b }
td p { margin: .15rem 0; font-size: .85rem } .answer { opacity: .85 } .place { opacity: .6 }
td.failed { background: #d0342c1a; border-left-color: #d0342c }
.part { font-weight: 600 } .fault { color: #d0342c; font-weight: 600 }
.waits { color: #b5651d; font-weight: 600 } .counts { opacity: .6; margin-top: 3rem }`
