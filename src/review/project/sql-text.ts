/** SQL that stands in code: its text, with $1, $2 … where expressions are put in. */

import type { Verb } from '../libraries/library.ts'
import type { Module } from '../syntax/module.ts'
import { bare, is, type Node, type NodeOf, propertyOf } from '../syntax/node.ts'

export interface SqlText {
  readonly node: Node
  readonly text: string
  /** What is put into the text itself; parameters are not. */
  readonly holes: readonly Node[]
  /** A template whose tag makes parameters of what is put in. */
  readonly isTagged: boolean
}

/** The SQL of a call: its first argument, or the `text` of it. */
export function sqlTextOf(
  module: Module,
  { args, node }: { args: readonly Node[] | undefined; node: Node },
): SqlText | undefined {
  const [first] = args ?? []
  if (first === undefined) return undefined
  if (is(node, 'TaggedTemplateExpression')) return template(node.quasi, true)
  return textIn(module, first, 0)
}

function textIn(module: Module, node: Node, depth: number): SqlText | undefined {
  const at = bare(node)
  if (depth > 5) return undefined
  if (is(at, 'Literal'))
    return typeof at.value === 'string'
      ? { node: at, text: at.value, holes: [], isTagged: false }
      : undefined
  if (is(at, 'TemplateLiteral')) return template(at, false)
  if (is(at, 'TaggedTemplateExpression')) return template(at.quasi, true)
  if (is(at, 'BinaryExpression') && at.operator === '+') return joined(module, at, depth)
  if (is(at, 'ObjectExpression')) {
    const text = propertyOf(at, 'text') ?? propertyOf(at, 'sql') ?? propertyOf(at, 'query')
    return text && textIn(module, text, depth + 1)
  }
  if (is(at, 'Identifier')) {
    const binding = module.binding(at)
    if (binding?.kind !== 'variable' || binding.path.length > 0) return undefined
    const { init } = binding.declaration as NodeOf<'VariableDeclarator'>
    return init ? textIn(module, init, depth + 1) : undefined
  }
  if (
    is(at, 'CallExpression') &&
    at.arguments.length > 0 &&
    /^(?:raw|text|unsafe)$/.test(calleeName(at))
  ) {
    return textIn(module, at.arguments[0] as Node, depth + 1)
  }
  return undefined
}

function calleeName({ callee }: NodeOf<'CallExpression'>): string {
  const at = bare(callee)
  if (is(at, 'Identifier')) return at.name
  return is(at, 'MemberExpression') && is(at.property, 'Identifier') ? at.property.name : ''
}

function template(node: NodeOf<'TemplateLiteral'>, isTagged: boolean): SqlText {
  const text = node.quasis
    .map(({ value }, index) => (index === 0 ? '' : `$${index}`) + (value.cooked ?? value.raw))
    .join('')
  return { node, text, holes: isTagged ? [] : node.expressions, isTagged }
}

function joined(
  module: Module,
  node: NodeOf<'BinaryExpression'>,
  depth: number,
): SqlText | undefined {
  const parts: Node[] = []
  let at: Node = node
  while (is(at, 'BinaryExpression') && at.operator === '+') {
    parts.unshift(at.right)
    at = bare(at.left)
  }
  parts.unshift(at)
  const holes: Node[] = []
  const text = parts.map((part) => {
    const inner = is(bare(part), 'Identifier') ? undefined : textIn(module, part, depth + 1)
    if (inner !== undefined) holes.push(...inner.holes)
    else holes.push(part)
    return inner?.text ?? `$${holes.length}`
  })
  return { node, text: text.join(''), holes, isTagged: false }
}

const HEADS: Readonly<Record<string, Verb['does']>> = {
  select: 'read',
  values: 'read',
  table: 'read',
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  begin: 'begin',
  start: 'begin',
  commit: 'commit',
  end: 'commit',
  rollback: 'rollback',
}

/** What a statement does, as far as its words tell without parsing it. */
export function sqlFacts(text: string): {
  readonly does: Verb['does']
  readonly table: string | undefined
  readonly rows: 'one' | 'many'
} {
  const plain = text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ').trim()
  const head = /^\(?\s*(\w+)/.exec(plain)?.[1]?.toLowerCase() ?? ''
  const isWith = head === 'with'
  const main = isWith
    ? (/\)\s*(select|insert|update|delete)\b/i.exec(plain)?.[1]?.toLowerCase() ?? 'select')
    : head
  const table = /\b(?:from|into|update|join)\s+(?:only\s+)?["`]?(?:\w+["`]?\.["`]?)?(\w+)/i.exec(
    plain,
  )?.[1]
  const does = HEADS[main] ?? 'sql'
  const counts =
    does === 'read' &&
    /^\(?\s*select\s+(?:count|max|min|sum|avg|exists)\s*\(/i.test(plain) &&
    !/\bgroup\s+by\b/i.test(plain)
  const isUpsert = does === 'insert' && /\bon\s+(?:conflict|duplicate)\b/i.test(plain)
  return {
    does: isUpsert ? 'upsert' : counts ? 'count' : does,
    table,
    rows: /\blimit\s+1\b/i.test(plain) || counts ? 'one' : 'many',
  }
}
