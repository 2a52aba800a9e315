/** Which methods a path answers to; asked only once the router has found no route. */

interface Branch {
  readonly literal: Map<string, Branch>
  parameter: Branch | undefined
  wildcard: Set<string> | undefined
  readonly methods: Set<string>
}

export class AllowedMethods {
  readonly #root = branch()

  /** `path` in the router's syntax: `/v1/orders/:id`, `/files/*`. */
  add(method: string, path: string): void {
    let at = this.#root
    for (const segment of path.slice(1).split('/')) {
      if (segment === '*') {
        at.wildcard ??= new Set()
        at.wildcard.add(method)
        return
      }
      at = step(at, segment)
    }
    at.methods.add(method)
  }

  /** Sorted; empty where no route has this path. */
  of(path: string): readonly string[] {
    const found = new Set<string>()
    collect(this.#root, path.slice(1).split('/'), 0, found)
    return [...found].sort()
  }
}

function branch(): Branch {
  return { literal: new Map(), parameter: undefined, wildcard: undefined, methods: new Set() }
}

function step(at: Branch, segment: string): Branch {
  if (segment.startsWith(':')) {
    at.parameter ??= branch()
    return at.parameter
  }
  const next = at.literal.get(segment) ?? branch()
  at.literal.set(segment, next)
  return next
}

function collect(at: Branch, segments: readonly string[], index: number, found: Set<string>): void {
  for (const method of at.wildcard ?? []) found.add(method)
  const segment = segments[index]
  if (segment === undefined) {
    for (const method of at.methods) found.add(method)
    return
  }
  const literal = at.literal.get(segment)
  if (literal !== undefined) collect(literal, segments, index + 1, found)
  if (at.parameter !== undefined && segment !== '')
    collect(at.parameter, segments, index + 1, found)
}
