/** Breakers that somebody wrote by hand, and that open for good. */
import { leaves, loopAround } from '../project/regions.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  dotted,
  functionAround,
  is,
  isFunction,
  isInside,
  type Node,
  type NodeOf,
} from '../syntax/node.ts'
import type { Detector, Look } from './detector.ts'

export const breakerNeverCloses: Detector = {
  id: 'breaker-never-closes',
  level: 'warning',
  consequence:
    'After so many failures in the life of the process it refuses for ever, also when the other side is well again: until somebody starts it anew.',
  check(look) {
    for (const clause of look.module.all('CatchClause')) {
      for (const counter of countersIn(look.module, clause)) inspect(look, clause, counter)
    }
  },
}

interface Counter {
  /** `failures` or `this.failures`. */
  readonly text: string
  readonly node: Node
}

/** What a catch clause counts up, and that outlives the call. */
function countersIn(module: Module, clause: Node): readonly Counter[] {
  const counted = [...module.all('UpdateExpression'), ...module.all('AssignmentExpression')]
  return counted
    .filter((each) => isInside(each, clause) && (each.operator === '++' || each.operator === '+='))
    .flatMap((each) => {
      const node = bare(is(each, 'UpdateExpression') ? each.argument : each.left)
      const text = dotted(node)
      return text !== undefined && outlives(module, node, clause) ? [{ text, node }] : []
    })
}

function outlives(module: Module, node: Node, clause: Node): boolean {
  if (!is(node, 'Identifier')) return dotted(node)?.startsWith('this.') === true
  const binding = module.binding(node)
  return binding !== undefined && functionAround(binding.declaration) !== functionAround(clause)
}

function inspect(look: Look, clause: Node, counter: Counter): void {
  const { module } = look
  const gate = module
    .all('IfStatement')
    .find(
      (each) =>
        functionAround(each) === functionAround(clause) &&
        isLimit(bare(each.test), counter) &&
        leaves(each.consequent) &&
        !isInside(each, clause) &&
        loopAround(each) === undefined,
    )
  if (gate === undefined || isReset(module, counter)) return
  look.report(gate, {
    message: `${counter.text} is counted up at each failure, and nothing ever takes it back.`,
    fix: `On success ${counter.text} = 0; and let one call through after ten seconds to find out: or take a breaker that does both (cockatiel, opossum)`,
    confidence: 'high',
  })
}

/** failures >= 5, and nothing else: a moment until which it holds would let calls through later. */
function isLimit(test: Node, { text }: Counter): boolean {
  return is(test, 'BinaryExpression') && /^>=?$/.test(test.operator) && dotted(test.left) === text
}

function isReset(module: Module, { text, node }: Counter): boolean {
  const binding = is(node, 'Identifier') ? module.binding(node) : undefined
  const isSame = (left: Node) =>
    dotted(left) === text && (!is(left, 'Identifier') || module.binding(left) === binding)
  const assigned = module
    .all('AssignmentExpression')
    .some(
      (each) => /^-?=$/.test(each.operator) && isSame(bare(each.left)) && !isInConstructor(each),
    )
  const counted = module
    .all('UpdateExpression')
    .some((each) => each.operator === '--' && isSame(bare(each.argument)))
  return assigned || counted
}

function isInConstructor(node: Node): boolean {
  const fn = functionAround(node)
  const method = isFunction(fn) ? fn.parent : undefined
  return (
    is(method, 'MethodDefinition') && (method as NodeOf<'MethodDefinition'>).kind === 'constructor'
  )
}
