/** Calls on calls on a handle: `db.selectFrom('x').where(…).execute()` as a list. */
import { awaited, bare, is, isFunction, memberName, type Node, outside } from '../syntax/node.ts'

/** `.where(a, b)` of a chain; without arguments it is a member. A bare call has the name '()'. */
export interface Segment {
  readonly name: string
  readonly args: readonly Node[] | undefined
  readonly node: Node
}

export interface Link {
  readonly node: Node
  /** Undefined for the root alone. */
  readonly segment: Segment | undefined
}

/** `a.b(c).d()` as its links: a, .b(c), .d(); members and their call are one. */
export function chainOf(node: Node): readonly Link[] {
  const at = awaited(node)
  if (is(at, 'CallExpression')) {
    const callee = bare(at.callee)
    if (is(callee, 'MemberExpression')) {
      return [
        ...chainOf(callee.object),
        { node: at, segment: { name: memberName(callee) ?? '?', args: at.arguments, node: at } },
      ]
    }
    return [...chainOf(callee), { node: at, segment: { name: '()', args: at.arguments, node: at } }]
  }
  if (is(at, 'TaggedTemplateExpression')) {
    const tag = bare(at.tag)
    const args = [at.quasi]
    if (is(tag, 'MemberExpression')) {
      return [
        ...chainOf(tag.object),
        { node: at, segment: { name: memberName(tag) ?? '?', args, node: at } },
      ]
    }
    return [...chainOf(tag), { node: at, segment: { name: '`', args, node: at } }]
  }
  if (is(at, 'MemberExpression')) {
    return [
      ...chainOf(at.object),
      { node: at, segment: { name: memberName(at) ?? '?', args: undefined, node: at } },
    ]
  }
  return [{ node: at, segment: undefined }]
}

/** Whether a chain goes on behind this call. */
export function continues(node: Node): boolean {
  const parent = outside(node)
  if (
    is(parent, 'MemberExpression') &&
    parent.object !== undefined &&
    bare(parent.object) === node
  ) {
    const call = outside(parent)
    const name = memberName(parent)
    if (name === 'then' || name === 'catch' || name === 'finally' || name === 'map') return false
    return is(call, 'CallExpression') && bare(call.callee) === parent
  }
  return is(parent, 'CallExpression') && bare(parent.callee) === node
}

/**
 * What looks like a statement and is none: rows.find((row) => …) goes through a list, as no store takes
 * a function for a filter; repository.metadata.columns is what is known of the entity; and
 * initializeUnorderedBulkOp() writes down what bulk.execute() sends.
 */
export function isNoStatement(
  { id, kind }: { readonly id: string; readonly kind: string },
  segments: readonly Segment[],
  verb: Segment,
): boolean {
  const first = verb.args?.[0]
  const isOfList = verb.name === 'find' && first !== undefined && isFunction(bare(first))
  return (
    kind === 'database' &&
    (isOfList ||
      segments.some(
        ({ name, args }) =>
          /^initialize\w*BulkOp$/.test(name) ||
          (id === 'typeorm' && args === undefined && /^(?:metadata|columns|relations)$/.test(name)),
      ))
  )
}
