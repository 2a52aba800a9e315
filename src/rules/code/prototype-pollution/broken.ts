type Tree = { [key: string]: unknown }

export function merge(target: Tree, source: Tree): Tree {
  for (const key of Object.keys(source)) {
    const value = source[key]
    if (typeof value === 'object' && value !== null) {
      target[key] = merge((target[key] ?? {}) as Tree, value as Tree)
    } else target[key] = value
  }
  return target
}
