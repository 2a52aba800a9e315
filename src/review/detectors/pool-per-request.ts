/** Pools and clients that each request makes anew. */
import { functionName } from '../project/functions.ts'
import type { Module } from '../syntax/module.ts'
import {
  type FunctionNode,
  functionAround,
  is,
  type Node,
  type NodeOf,
  outside,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { isOnce, isServing, objectOf } from './common.ts'
import type { Detector, Look } from './detector.ts'

const POOLS: Readonly<Record<string, readonly string[]>> = {
  pg: ['Pool'],
  '@prisma/client': ['PrismaClient'],
  mysql2: ['createPool'],
  'mysql2/promise': ['createPool'],
  ioredis: ['default', 'Redis'],
  postgres: ['default'],
  knex: ['default', 'knex'],
  sequelize: ['Sequelize'],
  bullmq: ['Queue'],
  mongodb: ['MongoClient'],
}

export const poolPerRequest: Detector = {
  id: 'pool-per-request',
  level: 'error',
  consequence:
    'Each request opens connections of its own and leaves them: at a hundred requests the database refuses everybody.',
  check(look) {
    for (const kind of ['NewExpression', 'CallExpression'] as const) {
      for (const node of look.module.all(kind)) {
        if (functionAround(node) !== undefined && makesPool(look, node)) inspectPool(look, node)
      }
    }
  },
}

function makesPool(
  { values, module }: Look,
  node: NodeOf<'NewExpression' | 'CallExpression'>,
): boolean {
  const value = values.of(module, node.callee)
  if (value?.kind !== 'outside' || !Object.hasOwn(POOLS, value.source)) return false
  return POOLS[value.source]?.includes(value.path.at(-1) ?? 'default') === true
}

function inspectPool(look: Look, node: NodeOf<'NewExpression' | 'CallExpression'>): void {
  const trail = isServing(look, node)
  const fn = functionAround(node)
  if (
    trail === undefined ||
    fn === undefined ||
    isOnce(look.module, node) ||
    isKept(look, node, fn) ||
    isOnGiven(look.module, node)
  )
    return
  look.report(node, {
    message: `${look.module.source(node.callee)} is made anew for each request.`,
    fix: 'Make it once, at the top of a module, and close it at shutdown: export const pool = new Pool({ max: 10 })',
    confidence: 'high',
    trail,
  })
}

/** new Queue('mails', { connection: redis }) goes over the connection that is there. */
function isOnGiven(module: Module, node: NodeOf<'NewExpression' | 'CallExpression'>): boolean {
  return node.arguments.some((each) => {
    const options = objectOf(module, each)
    const given = propertyOf(options, 'connection') ?? propertyOf(options, 'client')
    if (given === undefined) return false
    return textOf(given) === undefined && objectOf(module, given) === undefined
  })
}

/** A singleton that is made when it is first asked for. */
function isKept({ module }: Look, node: Node, fn: FunctionNode): boolean {
  const source = module.source(fn)
  const taken = outside(node)
  if (is(taken, 'AssignmentExpression')) return true
  // Where no connection outlives a request, each brings its own.
  if (
    /\bc(?:tx)?\.env\b|\benv\.[A-Z_]*(?:DB|DATABASE|HYPERDRIVE)|runtime\s*=\s*['"]edge/.test(
      module.text,
    )
  )
    return true
  if (
    /\?\?=|globalThis|global\.|\.set\(|instance|if\s*\(\s*!?\s*\w*(?:pool|client|prisma|redis|db|conn|cache)\w*\s*(?:===?\s*(?:null|undefined))?\)/i.test(
      source,
    )
  )
    return true
  return (
    /constructor|onModuleInit|connect|create|init|register|setup|factory|build|start/i.test(
      functionName(fn) ?? '',
    ) ||
    /\.(?:end|disconnect|destroy|quit|close|\$disconnect)\(/.test(source) ||
    node.start < 0
  )
}
