/** Who calls whom, across files, and what is reached from a function. */
import type { Module } from '../syntax/module.ts'
import {
  type CallNode,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  type Node,
  type NodeOf,
  nameOf,
  outside,
} from '../syntax/node.ts'
import type { Effect, Effects } from './effects.ts'
import type { Project } from './project.ts'
import type { Values } from './value.ts'

export interface Step {
  readonly module: Module
  readonly node: Node
  /** How people name it: a function, a route, a query. */
  readonly label: string
  /** The place where a route is declared. */
  readonly isRoute?: boolean
}

export interface Call {
  readonly module: Module
  readonly node: CallNode
}

export interface Target {
  readonly module: Module
  readonly node: FunctionNode
}

const DEPTH_MAX = 4

export class Functions {
  readonly #project: Project
  readonly #values: Values
  readonly #effects: Effects
  readonly #calls = new Map<Module, Map<FunctionNode | undefined, CallNode[]>>()
  #callers: Map<FunctionNode, Call[]> | undefined

  constructor(project: Project, values: Values, effects: Effects) {
    this.#project = project
    this.#values = values
    this.#effects = effects
  }

  /** The function of the tree that a call runs. */
  target({ module, node }: Call): Target | undefined {
    const value = this.#values.of(module, node.callee)
    return value?.kind === 'function' ? { module: value.module, node: value.node } : undefined
  }

  /** Calls below a node, those of functions that are written inside of it included. */
  callsWithin(module: Module, outer: Node): readonly CallNode[] {
    return this.#callsOf(module, outer).filter(
      ({ start, end }) => start >= outer.start && end <= outer.end,
    )
  }

  #callsOf(module: Module, outer: Node): readonly CallNode[] {
    let byFunction = this.#calls.get(module)
    if (byFunction === undefined) {
      byFunction = new Map()
      for (const call of module.all('CallExpression')) {
        for (let at = functionAround(call); ; at = at && functionAround(at)) {
          const list = byFunction.get(at)
          if (list === undefined) byFunction.set(at, [call])
          else list.push(call)
          if (at === undefined) break
        }
      }
      this.#calls.set(module, byFunction)
    }
    const around = isFunction(outer) ? outer : functionAround(outer)
    return byFunction.get(around) ?? []
  }

  callers(fn: FunctionNode): readonly Call[] {
    this.#callers ??= this.#findCallers()
    return this.#callers.get(fn) ?? []
  }

  #findCallers(): Map<FunctionNode, Call[]> {
    const found = new Map<FunctionNode, Call[]>()
    for (const module of this.#project.modules) {
      for (const node of module.all('CallExpression')) {
        const target = this.target({ module, node })
        if (target === undefined) continue
        const list = found.get(target.node)
        if (list === undefined) found.set(target.node, [{ module, node }])
        else list.push({ module, node })
      }
    }
    return found
  }

  /**
   * The first effect below `outer` that `test` accepts, with the functions that lead to it, nearest
   * first. Work that is handed to a callback to be done later counts as well.
   */
  reach(
    module: Module,
    outer: Node,
    test: (effect: Effect) => boolean,
    depth = 0,
    seen = new Set<Node>(),
  ): readonly Step[] | undefined {
    const direct = this.#effects.within(module, outer).find(test)
    if (direct !== undefined) return [stepOf(direct)]
    if (depth >= DEPTH_MAX || seen.has(outer)) return undefined
    seen.add(outer)
    for (const node of this.callsWithin(module, outer)) {
      const target = this.target({ module, node })
      if (target === undefined || seen.has(target.node)) continue
      const inner = this.reach(target.module, target.node, test, depth + 1, seen)
      if (inner !== undefined) return [{ module, node, label: labelOf(target) }, ...inner]
    }
    return undefined
  }
}

export function stepOf({ module, node, library, does, table }: Effect): Step {
  const what = table === undefined ? does : `${does} ${table}`
  return { module, node, label: `${library.title}: ${what}` }
}

export function labelOf({ node }: { readonly node: FunctionNode }): string {
  return `${functionName(node) ?? 'a function'}()`
}

export function functionName(node: FunctionNode): string | undefined {
  if (node.id) return node.id.name
  const parent = outside(node)
  if (is(parent, 'VariableDeclarator')) return nameOf(parent.id)
  if (
    is(parent, 'Property') ||
    is(parent, 'MethodDefinition') ||
    is(parent, 'PropertyDefinition')
  ) {
    return nameOf((parent as NodeOf<'Property'>).key)
  }
  if (is(parent, 'AssignmentExpression') && is(parent.left, 'MemberExpression'))
    return nameOf(parent.left.property)
  return undefined
}
