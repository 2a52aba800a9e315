type Tree = { [key: string]: unknown }

const FORBIDDEN = ['__proto__', 'constructor', 'prototype']

/** Own keys alone, and none that leads to a prototype. */
export function merge(target: Tree, source: Tree): Tree {
  for (const key of Object.keys(source)) {
    if (FORBIDDEN.includes(key)) throw new Error(`the key ${key} is refused`)
    const value = source[key]
    const own = Object.hasOwn(target, key) ? target[key] : {}
    if (typeof value === 'object' && value !== null) {
      target[key] = merge(own as Tree, value as Tree)
    } else target[key] = value
  }
  return target
}
