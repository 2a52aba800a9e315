/**
 * Statements of migrations, wherever they stand: SQL files, and SQL in the `up` of migrations in code.
 * Only the newest of each folder are looked at: the others have run, and nobody will change them.
 */
import type { Node as SqlNode } from 'libpg-query'
import { as } from '../../database/guard/ast.ts'
import { sqlTextOf } from '../project/sql-text.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  type CallNode,
  calledName,
  is,
  isFunction,
  type Node,
  nameOf,
  textOf,
} from '../syntax/node.ts'
import type { SqlParser } from './sql-parser.ts'

export interface MigrationStatement {
  readonly node: SqlNode
  readonly start: number
  readonly end: number
  /** Tables that this migration makes itself: nobody reads them yet. */
  readonly made: ReadonlySet<string>
  /** Tables of which it validates a constraint: SET NOT NULL reads nothing more then. */
  readonly checked: ReadonlySet<string>
}

const NEWEST = 10

/** The migrations that may still be changed, of all files of a tree. */
export function newestMigrations(paths: readonly string[]): ReadonlySet<string> {
  const all = paths.filter(isMigrationPath)
  const byFolder = Map.groupBy(all, migrationFolder)
  return new Set([...byFolder.values()].flatMap((list) => list.toSorted().slice(-NEWEST)))
}

const MIGRATION =
  /(?:^|\/)(?:(?:\w*[-_])?migrations?|alterations|upgrades)\/(?:.*\/)?[^/]*\.(?:sql|[mc]?[jt]s)$|(?:^|\/)drizzle\/[^/]*\.sql$/i

/** Also those of other databases, which are not judged as Postgres. */
export function isInMigrations(path: string): boolean {
  return MIGRATION.test(path)
}

export function isMigrationPath(path: string): boolean {
  return (
    MIGRATION.test(path) &&
    !/(?:^|[./_-])(?:down|rollback|undo|revert|archived?s?|deprecated)\b|\.test\.|seed|(?:^|\/)index\.[jt]s$|(?:^|\/)(?:sqlite|mysql|mariadb|mssql|clickhouse|oracle)\d*\//i.test(
      path,
    )
  )
}

/** prisma/migrations/2024…_name/migration.sql is one of prisma/migrations. */
export function migrationFolder(path: string): string {
  return path.replace(/\/[^/]*$/, '').replace(/\/\d{6,}[^/]*$/, '')
}

export function statementsOf(
  parser: SqlParser | undefined,
  text: string,
): readonly MigrationStatement[] {
  const parsed = parser?.parse(text) ?? []
  const known = tablesOf(parsed.map(({ node }) => node))
  return parsed.map((statement) => ({ ...statement, ...known }))
}

const SQL_CALLS =
  /^(?:query|raw|addSql|sql|execute|executeRaw|\$executeRaw|\$executeRawUnsafe|unsafe|runSql)$/

/** Those of a migration in code, each at the call that sends it. */
export function statementsIn(
  parser: SqlParser | undefined,
  module: Module,
): readonly { call: Node; statement: MigrationStatement }[] {
  if (parser === undefined) return []
  const calls = [...module.all('CallExpression'), ...module.all('TaggedTemplateExpression')].filter(
    (call) => isSqlCall(call) && !isDown(call),
  )
  const found = calls.flatMap((call) => {
    const sql = is(call, 'TaggedTemplateExpression')
      ? sqlTextOf(module, { node: call, args: [call.quasi] })
      : sqlTextOf(module, { node: call, args: (call as CallNode).arguments })
    return sql === undefined
      ? []
      : (parser.parse(sql.text) ?? []).map((statement) => ({ call: call as Node, statement }))
  })
  const known = tablesOf(
    found.map(({ statement }) => statement.node),
    builtIn(module),
  )
  return found.map(({ call, statement }) => ({ call, statement: { ...statement, ...known } }))
}

function isSqlCall(node: Node): boolean {
  if (is(node, 'CallExpression')) return SQL_CALLS.test(calledName(node) ?? '')
  const tag = is(node, 'TaggedTemplateExpression') ? bare(node.tag) : undefined
  return (
    tag !== undefined &&
    /^(?:sql|\$executeRaw)$/.test(nameOf(is(tag, 'MemberExpression') ? tag.property : tag) ?? '')
  )
}

/** The way back runs when all else has failed. */
export function isDown(node: Node): boolean {
  const down = above(node, (each) => {
    if (!isFunction(each)) return false
    const { parent } = each
    if (is(parent, 'AssignmentExpression') && is(parent.left, 'MemberExpression'))
      return isBack(parent.left.property)
    const { key, id } = (parent ?? {}) as { key?: Node; id?: Node }
    return isBack(each.id ?? key ?? id)
  })
  return down !== undefined
}

function isBack(name: Node | undefined): boolean {
  return /^(?:down|rollback|revert)$/.test(nameOf(name) ?? '')
}

/** schema.createTable('orders') */
function builtIn(module: Module): readonly (string | undefined)[] {
  return module
    .all('CallExpression')
    .filter((call) => calledName(call) === 'createTable')
    .map((call) => textOf(call.arguments[0]))
}

function tablesOf(
  nodes: readonly SqlNode[],
  built: readonly (string | undefined)[] = [],
): Pick<MigrationStatement, 'made' | 'checked'> {
  const made = nodes.map(
    (node) =>
      as(node, 'CreateStmt')?.relation?.relname ??
      as(node, 'CreateTableAsStmt')?.into?.rel?.relname,
  )
  const checked = nodes.map((node) => {
    const alter = as(node, 'AlterTableStmt')
    const commands = (alter?.cmds ?? []).map((each) => as(each, 'AlterTableCmd')?.subtype)
    return commands.includes('AT_ValidateConstraint') ? alter?.relation?.relname : undefined
  })
  return { made: named([...made, ...built]), checked: named(checked) }
}

function named(tables: readonly (string | undefined)[]): ReadonlySet<string> {
  return new Set(tables.filter((each) => each !== undefined))
}
