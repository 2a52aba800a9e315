/** Small tools for the syntax trees of libpg-query: each node is an object with its kind as the one key. */
import type { Node } from './query-parser.ts'

type KeyOf<T> = T extends unknown ? keyof T : never
export type NodeKind = KeyOf<Node>
type Body<K extends NodeKind> = Node extends infer Each
  ? Each extends Record<K, infer Inner>
    ? Inner
    : never
  : never
/** What stands in a node of kind `K`. */
export type NodeOf<K extends NodeKind> = Node extends Record<K, infer Inner> ? Inner : Body<K>

/** The body of a node if it is of this kind. */
export function as<K extends NodeKind>(node: Node | undefined, kind: K): NodeOf<K> | undefined {
  return node === undefined ? undefined : (node as Partial<Record<K, NodeOf<K>>>)[kind]
}

/** The text of String nodes, in order: a qualified name. */
export function names(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => as(node, 'String')?.sval ?? '')
}

/** The bare name of a called function. */
export function functionName(call: NodeOf<'FuncCall'>): string {
  return names(call.funcname).at(-1) ?? ''
}

/** `a::uuid` is `a` for us. */
export function withoutCasts(node: Node | undefined): Node | undefined {
  const cast = as(node, 'TypeCast')
  return cast === undefined ? node : withoutCasts(cast.arg)
}

/**
 * Calls `visit` for every node below and including `value`, until it returns false for one: then
 * what is below that one is passed over.
 */
export function walk(
  value: unknown,
  visit: (kind: string, body: unknown) => boolean | undefined,
): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, visit)
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    // Kinds are written large, fields small; some fields hold a body without its kind.
    const isKind = key[0] !== key[0]?.toLowerCase()
    if (!isKind || visit(key, inner) !== false) walk(inner, visit)
  }
}

/** The parts that AND joins. */
export function conjuncts(node: Node | undefined): Node[] {
  if (node === undefined) return []
  const both = as(node, 'BoolExpr')
  return both?.boolop === 'AND_EXPR' ? (both.args ?? []).flatMap(conjuncts) : [node]
}
