/** Parts of code that run together: transactions, and loops. */
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  outside,
} from '../syntax/node.ts'
import type { Effect, Effects } from './effects.ts'
import { decoratorOf } from './handlers.ts'
import type { Project } from './project.ts'

export interface TransactionRegion {
  readonly module: Module
  readonly start: number
  readonly end: number
  /** Where it is opened. */
  readonly opening: Node
  /** The function that runs in it; undefined between BEGIN and COMMIT. */
  readonly callback: FunctionNode | undefined
  readonly effect: Effect | undefined
}

const TRANSACTION_CALL =
  /^(?:with|run|run_?in|in|execute|start|do)_?(?:a_?|new_?|db_?)*(?:transaction|tx|trx)(?:al)?$|^\$?transaction(?:al)?$|^runInTransaction$/i

export class Regions {
  readonly #effects: Effects
  readonly #project: Project
  readonly #known = new Map<Module, readonly TransactionRegion[]>()

  constructor(project: Project, effects: Effects) {
    this.#project = project
    this.#effects = effects
  }

  transactions(module: Module): readonly TransactionRegion[] {
    const known = this.#known.get(module)
    if (known !== undefined) return known
    const made = [...this.#callbacks(module), ...this.#spans(module), ...decoratedRegions(module)]
    this.#known.set(module, made)
    return made
  }

  get all(): readonly TransactionRegion[] {
    return this.#project.modules.flatMap((module) => this.transactions(module))
  }

  /** The transaction that a node visibly stands in. */
  around(module: Module, node: Node): TransactionRegion | undefined {
    return this.transactions(module).find(({ start, end }) => node.start > start && node.end < end)
  }

  #callbacks(module: Module): TransactionRegion[] {
    const effects = new Map(this.#effects.in(module).map((effect) => [effect.node, effect]))
    return module.all('CallExpression').flatMap((call) => {
      const callback = call.arguments.map(bare).find(isFunction)
      if (!isFunction(callback)) return []
      const effect = effects.get(call)
      const opens = effect?.does === 'transaction' || TRANSACTION_CALL.test(calledName(call) ?? '')
      if (!opens || isTrace(module, call) || isBehind(call)) return []
      return [{ module, start: callback.start, end: callback.end, opening: call, callback, effect }]
    })
  }

  /** From BEGIN to COMMIT, in one function. */
  #spans(module: Module): TransactionRegion[] {
    const effects = this.#effects.in(module)
    const opens = effects.filter(
      (effect) =>
        effect.does === 'begin' || (effect.does === 'transaction' && !hasCallback(effect)),
    )
    return opens.flatMap((effect) => {
      const around = functionAround(effect.node)
      const end = effects.find(
        ({ does, node }) =>
          does === 'commit' && node.start > effect.node.start && functionAround(node) === around,
      )
      if (end === undefined || around === undefined) return []
      return [
        {
          module,
          start: effect.node.end,
          end: end.node.start,
          opening: effect.node,
          callback: undefined,
          effect,
        },
      ]
    })
  }
}

/** transaction(…).then(() => …): what is over by then. */
function isBehind(call: CallNode): boolean {
  return /^(?:then|catch|finally)$/.test(calledName(call) ?? '')
}

/** Sentry, Elastic and New Relic call a trace a transaction. */
function isTrace(module: Module, call: CallNode): boolean {
  return /sentry|apm|newrelic|tracer|span|ydoc?\b|indexeddb|editor/i.test(
    module.source(call.callee),
  )
}

function hasCallback({ node }: Effect): boolean {
  return (
    is(node, 'CallExpression') &&
    node.arguments.some(
      (each) =>
        isFunction(bare(each)) || is(bare(each), 'ArrayExpression') || is(bare(each), 'Identifier'),
    )
  )
}

function decoratedRegions(module: Module): TransactionRegion[] {
  return module.all('MethodDefinition').flatMap((method) => {
    const found = method.decorators?.find((each) => decoratorOf(each).name === 'Transactional')
    if (found === undefined || !isFunction(method.value)) return []
    return [
      {
        module,
        start: method.value.start,
        end: method.value.end,
        opening: found,
        callback: method.value,
        effect: undefined,
      },
    ]
  })
}

export interface Loop {
  readonly node: Node
  readonly body: Node
  /** What is gone through; undefined for while. */
  readonly over: Node | undefined
  /** The names that change with each turn. */
  readonly item: Node | undefined
  /** All turns start together: Promise.all(items.map(async …)). */
  readonly together: boolean
}

const ITERATES =
  /^(?:map|forEach|flatMap|filter|reduce|some|every|each|eachSeries|mapSeries|forEachSeries)$/

/** The nearest loop that runs `node` once a turn, inside of the same piece of work. */
export function loopAround(node: Node, stop?: Node): Loop | undefined {
  for (let at: Node = node; at.parent !== undefined && at.parent !== stop; at = at.parent) {
    const loop = loopOf(at.parent, at)
    if (loop !== undefined) return loop
    if (isFunction(at.parent) && !isIterated(at.parent)) return undefined
  }
  return undefined
}

function loopOf(parent: Node, child: Node): Loop | undefined {
  if (is(parent, 'ForOfStatement') || is(parent, 'ForInStatement')) {
    if (child !== parent.body) return undefined
    const declared = is(parent.left, 'VariableDeclaration')
      ? parent.left.declarations[0]?.id
      : parent.left
    return { node: parent, body: parent.body, over: parent.right, item: declared, together: false }
  }
  if (is(parent, 'ForStatement') && child === parent.body && !isByMany(parent.update)) {
    const declared = is(parent.init, 'VariableDeclaration')
      ? parent.init.declarations[0]?.id
      : undefined
    return {
      node: parent,
      body: parent.body,
      over: parent.test ? boundOf(parent.test) : undefined,
      item: declared,
      together: false,
    }
  }
  if ((is(parent, 'WhileStatement') || is(parent, 'DoWhileStatement')) && child === parent.body) {
    return { node: parent, body: parent.body, over: undefined, item: undefined, together: false }
  }
  if (isFunction(parent) && isIterated(parent)) {
    const call = parent.parent as CallNode
    const { object } = bare(call.callee) as NodeOf<'MemberExpression'>
    return { node: call, body: parent, over: object, item: parent.params[0], together: true }
  }
  return undefined
}

/** for (…; offset += 500): a turn for each part of a list. */
function isByMany(update: Node | null | undefined): boolean {
  return (
    is(update, 'AssignmentExpression') && !(is(update.right, 'Literal') && update.right.value === 1)
  )
}

/** `items` of `index < items.length`. */
function boundOf(test: Node): Node | undefined {
  if (!is(test, 'BinaryExpression')) return undefined
  const right = bare(test.right)
  return is(right, 'MemberExpression') && memberName(right) === 'length' ? right.object : undefined
}

function isIterated(fn: FunctionNode): boolean {
  const call = outside(fn)
  if (!is(call, 'CallExpression') || !call.arguments.includes(fn)) return false
  const callee = bare(call.callee)
  return is(callee, 'MemberExpression') && ITERATES.test(memberName(callee) ?? '')
}

/** Whether control always leaves at this statement. */
export function leaves(node: Node | null | undefined): boolean {
  if (is(node, 'BlockStatement')) return leaves(node.body.at(-1))
  const type = node?.type
  return (
    type === 'ReturnStatement' ||
    type === 'ThrowStatement' ||
    type === 'ContinueStatement' ||
    type === 'BreakStatement'
  )
}

/** The names that a node reads, dotted where they are: `user.id`. */
export function namesRead(module: Module, node: Node): ReadonlySet<string> {
  return new Set(module.source(node).match(/[A-Za-z_$][\w$]*/g) ?? [])
}
