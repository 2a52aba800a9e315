/** A parse tree as plain data. */
export interface Tree {
  readonly [field: string]: unknown
}

/** The node of this kind that is directly here: `{ RangeVar: { ... } }`. */
export function fieldOf(tree: unknown, kind: string): Tree | undefined {
  if (typeof tree !== 'object' || tree === null) return undefined
  return (tree as Tree)[kind] as Tree | undefined
}

/** Every node of this kind, at any depth. */
export function nodesOf(tree: unknown, kind: string): Tree[] {
  if (typeof tree !== 'object' || tree === null) return []
  if (Array.isArray(tree)) return tree.flatMap((part) => nodesOf(part, kind))
  return Object.entries(tree).flatMap(([name, part]) =>
    name === kind ? [part as Tree, ...nodesOf(part, kind)] : nodesOf(part, kind),
  )
}

/** As the server folds names that are not quoted. */
export function functionName(call: Tree): string {
  return lastName(call.funcname)
}

export function lastName(parts: unknown): string {
  return String(fieldOf((parts as readonly Tree[]).at(-1), 'String')?.sval).toLowerCase()
}
