/** Finds functions and their length, by matching parentheses and braces in blanked code. */
import { lineOf } from './scan.ts'

export interface FoundFunction {
  readonly name: string
  readonly line: number
  readonly lines: number
}

const PAIRS: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' }

/** The offset after the bracket that closes the one at `open`; the end where none does. */
export function closeOf(code: string, open: number): number {
  const opening = code[open] as string
  const closing = PAIRS[opening]
  let depth = 0
  for (let at = open; at < code.length; at++) {
    if (code[at] === opening) depth++
    else if (code[at] === closing && --depth === 0) return at + 1
  }
  return code.length
}

function skipBlank(code: string, at: number): number {
  while (/\s/.test(code[at] ?? '')) at++
  return at
}

/** Enough for an operator and the indentation of the next line. */
const BEFORE_CHARS = 60
const IN_TYPE = /(?:[:|&,<([]|=>|\b(?:is|keyof|extends))\s*$/

/**
 * The offset of the brace that opens the body, after a parameter list; undefined for a call, a
 * signature or a declaration without one. In a return type a brace follows `:`, `|`, `&`, `=>` or an
 * opening bracket; elsewhere it is the body.
 */
function bodyAfter(code: string, afterParameters: number): number | undefined {
  let at = skipBlank(code, afterParameters)
  if (code[at] === '{') return at
  if (code[at] !== ':') return undefined
  for (at = skipBlank(code, at + 1); at < code.length; at++) {
    const char = code[at] as string
    const before = code.slice(Math.max(0, at - BEFORE_CHARS), at)
    const inType = IN_TYPE.test(before)
    if (char === '{' && !inType) return at
    if (char === '{' || char === '(' || char === '[') at = closeOf(code, at) - 1
    else if (/[;)}\]=]/.test(char) && code.slice(at, at + 2) !== '=>') return undefined
    else if (char === '\n' && !inType && !/^\s*[|&{.>]/.test(code.slice(at + 1))) return undefined
  }
  return undefined
}

const NOT_FUNCTIONS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'return', 'await'])
const HEAD = /(#?[\w$]+)\s*(?:<[^()<>]*(?:<[^()<>]*>[^()<>]*)*>)?\s*\(/g
const ARROW = /=>\s*\{/g

function declared(code: string): [name: string, start: number, body: number][] {
  const found: [string, number, number][] = []
  for (const match of code.matchAll(HEAD)) {
    const name = match[1] as string
    if (NOT_FUNCTIONS.has(name)) continue
    const body = bodyAfter(code, closeOf(code, match.index + match[0].length - 1))
    if (body !== undefined)
      found.push([name === 'function' ? '(anonymous)' : name, match.index, body])
  }
  return found
}

/** What an arrow is called: the constant or property it is given to, or the function it is handed to. */
function arrowName(code: string, arrow: number): string {
  const before = code.slice(Math.max(0, arrow - 400), arrow)
  const given = /([\w$]+)\s*(?:=|:)\s*(?:async\s*)?(?:<[^<>]*>\s*)?\(?[^()=]*\)?[^()=]*$/.exec(
    before,
  )
  const handed = /([\w$.]+)\([^()]*,?\s*(?:async\s*)?\([^()]*\)\s*(?::[^()]*)?$/.exec(before)
  return handed?.[1] ?? given?.[1] ?? '(arrow)'
}

function arrows(code: string): [name: string, start: number, body: number][] {
  return [...code.matchAll(ARROW)].map((match) => [
    arrowName(code, match.index),
    match.index,
    match.index + match[0].length - 1,
  ])
}

/** Every function with a braced body: functions, methods, accessors, constructors, arrows. */
export function functionsIn(code: string): FoundFunction[] {
  return [...declared(code), ...arrows(code)].map(([name, start, body]) => {
    const line = lineOf(code, start)
    return { name, line, lines: lineOf(code, closeOf(code, body)) - line + 1 }
  })
}
