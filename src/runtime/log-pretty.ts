/** One line for a person: `07:10:27.123 warn  message  key=value`; a stack stands below it. */
export function prettyLine(json: string): string {
  const { time, level, message, ...fields } = JSON.parse(json) as Record<string, unknown>
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
