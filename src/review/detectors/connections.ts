/** Which connection a statement runs on, and who pays for it. */
import type { Effect } from '../project/effects.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  type Node,
  type NodeOf,
  propertyOf,
} from '../syntax/node.ts'
import { isServing, leadingTo } from './common.ts'
import type { Detector, Look } from './detector.ts'

const SESSION_STATE: readonly {
  readonly found: RegExp
  readonly what: string
  readonly fix: string
}[] = [
  {
    found: /\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(/i,
    what: 'An advisory lock of the session is taken on whichever connection the pool gives: it is released on another, or never.',
    fix: 'pg_advisory_xact_lock inside of a transaction: it ends with it; or one client for lock, work and unlock',
  },
  {
    found: /^\s*listen\s+["\w]/i,
    what: 'LISTEN goes to a connection of the pool that nobody listens on.',
    fix: 'A client of its own that stays connected, outside of the pool and of any pooler',
  },
  {
    found: /^\s*create\s+temp(?:orary)?\s+table\b/i,
    what: 'A temporary table is made on one connection of the pool; the next statement may run on another.',
    fix: 'Make and use it inside of one transaction, ON COMMIT DROP',
  },
  {
    found: /^\s*declare\s+\w+[\s\S]*\bcursor\b[\s\S]*\bwith\s+hold\b/i,
    what: 'A cursor that outlives its transaction is opened on whichever connection the pool gives.',
    fix: 'Read in pages by key, or open it in a transaction on one client',
  },
]

export const sessionStatePooler: Detector = {
  id: 'session-state-pooler',
  level: 'warning',
  consequence:
    'It works while one request runs at a time. Then lock and unlock, or table and query, meet different connections.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      const state = SESSION_STATE.find(({ found }) => found.test(effect.sql?.text ?? ''))
      if (state === undefined || !isPooled(look, effect)) continue
      look.report(effect.node, {
        message: state.what,
        fix: state.fix,
        confidence: 'high',
        trail: leadingTo(look, effect.node),
      })
    }
  },
}

export const preparedStatementPooler: Detector = {
  id: 'prepared-statement-pooler',
  level: 'warning',
  consequence:
    'Prepared on one connection, executed on another: "prepared statement does not exist", only under load.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (!/^\s*prepare\s+(?!transaction\b)["\w]/i.test(effect.sql?.text ?? '')) continue
      const isOwn = !isPooled(look, effect)
      look.report(effect.node, {
        message: `A statement is prepared by SQL on ${isOwn ? 'one connection, which a transaction pooler changes between two statements' : 'whichever connection the pool gives'}.`,
        fix: "pool.query('SELECT … WHERE id = $1', [id]): the driver sends it parsed and bound in one go",
        confidence: isOwn ? 'low' : 'high',
        level: isOwn ? 'info' : 'warning',
        trail: leadingTo(look, effect.node),
      })
    }
  },
}

/** What each of these libraries hands out is a pool, unless it says otherwise. */
const POOLED = /^(?:prisma|drizzle|knex|sequelize|postgres\.js|typeorm)$/
const ONE_CONNECTION = /runner|client|conn|tx\b|trx|session|reserved/i

function isPooled({ regions, module, values }: Look, effect: Effect): boolean {
  const { handle, node, library, segments } = effect
  if (handle.isTransaction || handle.guessed || regions.around(module, node) !== undefined)
    return false
  const root = rootOf(node)
  const name = root === undefined ? '' : (dotted(root)?.split('.').at(-1) ?? '')
  if (library.id === 'pg') return isPool(root && values.of(module, root))
  if (!POOLED.test(library.id) || (library.id !== 'prisma' && ONE_CONNECTION.test(name)))
    return false
  const options = segments.at(-1)?.args?.at(-1)
  return !segments.some((each) => each.name === 'transacting') && !mentionsTransaction(options)
}

function mentionsTransaction(options: Node | undefined): boolean {
  return propertyOf(options, 'transaction') !== undefined
}

function rootOf(node: Node): Node | undefined {
  const at = bare(node)
  const callee = is(at, 'CallExpression')
    ? bare(at.callee)
    : is(at, 'TaggedTemplateExpression')
      ? bare(at.tag)
      : undefined
  return is(callee, 'MemberExpression') ? callee.object : callee
}

function isPool(value: ReturnType<Look['values']['of']>): boolean {
  const of = value?.kind === 'instance' || value?.kind === 'result' ? value.of : undefined
  return of?.kind === 'outside' && /pool$/i.test(of.path.at(-1) ?? '')
}

const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  pg: ['Client'],
  '@neondatabase/serverless': ['Client'],
  mysql2: ['createConnection'],
  'mysql2/promise': ['createConnection'],
  mysql: ['createConnection'],
}
/** Rightly on a connection of its own: what a pool cannot do, and what runs once. */
const ALONE =
  /\blisten\b|notification|\b(?:create|drop|alter)\s+(?:database|role|user|extension)\b|pg_terminate|advisory|replication|migrat|\bcopy\b|seed|process\.exit/i

export const missingPool: Detector = {
  id: 'missing-pool',
  level: 'info',
  consequence:
    'Each call pays for TCP, TLS, login and a new process of the server, 20 to 100 ms, before the first statement; and nothing bounds how many there are.',
  check(look) {
    for (const kind of ['NewExpression', 'CallExpression'] as const) {
      for (const node of look.module.all(kind)) {
        const fn = functionAround(node)
        if (fn !== undefined && makesClient(look, node) && isOneShot(look.module, fn))
          reportClient(look, node)
      }
    }
  },
}

function makesClient(
  { values, module }: Look,
  node: NodeOf<'NewExpression' | 'CallExpression'>,
): boolean {
  const value = values.of(module, node.callee)
  if (value?.kind !== 'outside' || !Object.hasOwn(CLIENTS, value.source)) return false
  return CLIENTS[value.source]?.includes(value.path.at(-1) ?? '') === true
}

/** Opened, asked and closed in one function. */
function isOneShot(module: Module, fn: FunctionNode): boolean {
  const source = module.source(fn)
  return (
    /\.(?:query|execute)\s*\(/.test(source) &&
    /\.(?:end|destroy)\s*\(/.test(source) &&
    !ALONE.test(source) &&
    !/migrat|seed|script|setup|health|cli\b/i.test(module.path)
  )
}

function reportClient(look: Look, node: NodeOf<'NewExpression' | 'CallExpression'>): void {
  const trail = isServing(look, node)
  look.report(node, {
    message: 'A connection is opened and closed for each call.',
    fix: 'const pool = new Pool({ max: 10 }) once, at the top of a module, and pool.query(…) here',
    confidence: 'high',
    level: trail === undefined ? 'info' : 'warning',
    trail: trail ?? [],
  })
}
