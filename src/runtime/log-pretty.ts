/** Of each stop, a dozen; only what does not end is for a person. */
const STEP_ENDED = 'step ended'

/**
 * One line for a person: `07:10:27.123 warn  message  key=value`; a stack stands below it. Empty for
 * what only machines read.
 */
export function prettyLine(json: string): string {
  const { time, level, message, ...fields } = JSON.parse(json) as Record<string, unknown>
  if (message === STEP_ENDED) return ''
  const work = workLine(String(message), fields)
  if (work !== undefined) return `${String(time).slice(11, 23)} ${work}\n`
  const stacks: string[] = []
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${shown(value, stacks)}`)
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(message)}`
  return `${[head, ...rest].join('  ')}\n${stacks.map((stack) => `${indented(stack)}\n`).join('')}`
}

function shown(value: unknown, stacks: string[]): string {
  if (typeof value === 'string') return /[\s=]/.test(value) ? JSON.stringify(value) : value
  if (typeof value === 'object' && value !== null && 'stack' in value) {
    const { stack, ...error } = value
    stacks.push(String(stack))
    return JSON.stringify(error)
  }
  return JSON.stringify(value)
}

function indented(stack: string): string {
  return stack.replaceAll(/^/gm, '    ')
}

/** A request, a job or a delivery, as somebody who watches wants to see it; all of it is in the JSON. */
function workLine(kind: string, fields: Readonly<Record<string, unknown>>): string | undefined {
  if (kind === 'request' && fields.operation !== undefined) return requestLine(fields)
  if (kind !== 'job' && kind !== 'event') return undefined
  const name = fields.job ?? fields.subscription
  if (name === undefined) return undefined
  const again = Number(fields.attempt) > 1 ? `  attempt ${fields.attempt}` : ''
  return `${kind.padEnd(5)}  ${name}  ${fields.outcome}  ${cost(fields)}${again}  ${fields.requestId}`
}

function requestLine(fields: Readonly<Record<string, unknown>>): string {
  const { method, route, status = 'gone', problem, replayed, tenant, requestId } = fields
  const outcome = problem === undefined ? status : `${status} ${problem}`
  const words = [cost(fields), replayed ? 'replayed' : '', tenant, requestId].filter(Boolean)
  return `${method} ${route}  ${outcome}  ${words.join('  ')}`
}

function cost({ durationMs, roundTrips }: Readonly<Record<string, unknown>>): string {
  return `${durationMs} ms, ${roundTrips} ${roundTrips === 1 ? 'trip' : 'trips'}`
}
