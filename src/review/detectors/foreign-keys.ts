/** Foreign keys without an index on their own side: in SQL, in schemas, in entities, in migrations of builders. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { as } from '../../database/guard/ast.ts'
import { chainOf } from '../project/chain.ts'
import { decoratorOf } from '../project/handlers.ts'
import { prismaIndexes, prismaModels, relationFields } from '../project/prisma-schema.ts'
import type { Project } from '../project/project.ts'
import { indexesBuilt, tableAround } from '../sql/built-indexes.ts'
import { type ForeignKey, KeySchema, serves } from '../sql/key-schema.ts'
import {
  isDown,
  isInMigrations,
  isMigrationPath,
  migrationFolder,
  newestMigrations,
} from '../sql/migration.ts'
import type { SqlParser } from '../sql/sql-parser.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  type ClassNode,
  calledName,
  is,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import type { Claim, Detector, FileLook, Look } from './detector.ts'

export const missingIndexForeignKey: Detector = {
  id: 'missing-index-foreign-key',
  level: 'info',
  everywhere: true,
  consequence:
    'Each delete of a parent reads the whole child table to see whether a row is left, under a lock; so does each join from its side.',
  check(look) {
    inspectSql(look)
    inspectDrizzle(look)
    inspectEntities(look)
    inspectBuilders(look)
  },
  checkFile(look) {
    if (look.path.endsWith('.prisma')) inspectPrisma(look)
    else inspectSqlFile(look)
  },
}

interface Key {
  readonly table: string
  readonly columns: readonly string[]
  readonly parent: string
  readonly follows: boolean
}

/** Tables of a few rows that nobody deletes from. */
const CONSTANT =
  /(?:type|status|kind|countr|currenc|language|locale|role|plan|tier|unit|timezone)(?:e?s|y|ies)?$/i

/** Tables that hold what happens, not what there is. */
const GROWING =
  /order|event|log|message|payment|transaction|entr(?:y|ies)|invoice|posts?$|comment|activit|item|line|execution|run|deliver|session|history/i

function claimOf({ table, columns, parent, follows }: Key, fix: string): Claim {
  const list = columns.join(', ')
  return {
    message: `${table}.${list} references ${parent}, and no index of ${table} starts with it.`,
    fix,
    confidence: 'high',
    // A delete that is declared to follow, into a table that grows: somebody means to delete.
    level: follows && GROWING.test(table) ? 'warning' : 'info',
  }
}

function isTold({ columns, parent }: Pick<Key, 'columns' | 'parent'>): boolean {
  return columns.length > 0 && !CONSTANT.test(parent)
}

// SQL

interface Place {
  readonly path: string
  /** The literal that holds the statement; undefined in a file of SQL. */
  readonly node: Node | undefined
  readonly text: string
}

const schemas = new WeakMap<Project, Map<string, KeySchema<Place>>>()
const newest = new WeakMap<Project, ReadonlySet<string>>()
const DEFINES = /\b(?:create|alter|drop)\s+(?:unique\s+)?(?:table|index)\b/i

function inspectSqlFile(look: FileLook): void {
  for (const key of unservedIn(look, look.path)) {
    const start = charAt(look.text, key.byte ?? 0)
    const end = look.text.indexOf('\n', start)
    look.reportAt(start, end === -1 ? look.text.length : end, claimOf(key, fixInSql(key)))
  }
}

function inspectSql(look: Look): void {
  if (!look.module.text.match(DEFINES)) return
  for (const key of unservedIn(look, look.module.path)) {
    const { node, text } = key.origin
    if (node === undefined) continue
    look.report(placeIn(look.module, node, text, key.byte), claimOf(key, fixInSql(key)))
  }
}

function fixInSql({ table, columns }: Key): string {
  const list = columns.join(', ')
  return `CREATE INDEX CONCURRENTLY ${table}_${columns.join('_')} ON ${table} (${list}); in a migration of its own; without CONCURRENTLY where the table is made as well`
}

/** A line of a template, where it stands there as it is sent. */
function placeIn(module: Module, node: Node, text: string, byte: number | undefined): Node {
  const isPlain = module.text.slice(node.start + 1, node.end - 1) === text
  if (!isPlain || byte === undefined) return node
  const at = charAt(text, byte)
  const end = text.indexOf('\n', at)
  const start = node.start + 1 + at
  return { ...node, start, end: node.start + 1 + (end === -1 ? text.length : end) }
}

function charAt(text: string, byte: number): number {
  return Buffer.from(text).subarray(0, byte).toString().length
}

/** Of migrations only those that may still be changed are judged; what the others made is known. */
function unservedIn(
  { project, sql }: Pick<Look, 'project' | 'sql'>,
  path: string,
): readonly ForeignKey<Place>[] {
  if (sql === undefined || !isJudged(project, path)) return []
  const folder = groupOf(path)
  const known = schemas.get(project) ?? new Map<string, KeySchema<Place>>()
  schemas.set(project, known)
  const schema = known.get(folder) ?? schemaOf(project, sql, folder)
  known.set(folder, schema)
  return schema.unserved().filter((key) => key.origin.path === path && isTold(key))
}

function isJudged(project: Project, path: string): boolean {
  if (!isInMigrations(path)) return true
  const known = newest.get(project) ?? newestMigrations(project.paths)
  newest.set(project, known)
  return isMigrationPath(path) && known.has(path) && !hasSchemaBeside(project, path)
}

/** Prisma and Drizzle write their migrations from a schema, which is judged instead. */
function hasSchemaBeside({ root }: Project, path: string): boolean {
  return (
    path.endsWith('/migration.sql') ||
    existsSync(join(root, migrationFolder(path), 'meta/_journal.json'))
  )
}

/** Migrations of one folder run one after the other; any other file stands for itself. */
function groupOf(path: string): string {
  return isMigrationPath(path) ? migrationFolder(path) : path
}

function schemaOf(project: Project, sql: SqlParser, group: string): KeySchema<Place> {
  const schema = new KeySchema<Place>()
  if (!isMigrationPath(group)) schema.addIndexesOf(migratedIndexes(project, sql))
  for (const path of project.paths) {
    if (groupOf(path) !== group) continue
    for (const { table, columns } of indexesBuilt(project, path)) schema.addIndex(table, columns)
    for (const place of placesIn(project, path)) {
      const statements = sql.parse(place.text)
      if (statements === undefined) schema.addUnread(place.text)
      for (const { node } of statements ?? []) schema.add(node, place)
    }
  }
  return schema
}

const migrated = new WeakMap<Project, KeySchema<Place>>()

/** A schema in a file of its own may get its indexes by a migration. */
function migratedIndexes(project: Project, sql: SqlParser): KeySchema<Place> {
  const known = migrated.get(project)
  if (known !== undefined) return known
  const schema = new KeySchema<Place>()
  migrated.set(project, schema)
  for (const path of project.paths) {
    if (!path.endsWith('.sql') || !isMigrationPath(path)) continue
    const text = project.text(path)
    if (text === undefined || !/\bindex\b/i.test(text)) continue
    for (const { node } of sql.parse(text) ?? [])
      if (as(node, 'IndexStmt') !== undefined) schema.add(node, { path, node: undefined, text })
  }
  return schema
}

function placesIn(project: Project, path: string): readonly Place[] {
  if (path.endsWith('.prisma')) return []
  if (path.endsWith('.sql')) {
    const text = project.text(path)
    return text === undefined ? [] : [{ path, node: undefined, text }]
  }
  const module = project.module(path)
  if (module === undefined || !DEFINES.test(module.text)) return []
  return [...module.all('Literal'), ...module.all('TemplateLiteral')]
    .filter((node) => !isDown(node))
    .flatMap((node) => {
      const text = textOf(node)
      return text !== undefined && DEFINES.test(text) ? [{ path, node, text }] : []
    })
    .sort((left, right) => left.node.start - right.node.start)
}

// Prisma

function inspectPrisma(look: FileLook): void {
  if (!isOnPostgres(look.project, look.path)) return
  for (const model of prismaModels(look.text)) {
    const indexes = prismaIndexes(model)
    for (const field of model.fields) {
      const columns = relationFields(field)
      if (columns === undefined || indexes.some((index) => serves(index, columns))) continue
      const follows = /onDelete:\s*Cascade/.test(field.attributes)
      const key = { table: model.name, columns, parent: field.type, follows }
      if (isTold(key))
        look.reportAt(field.start, field.end, claimOf(key, `@@index([${columns.join(', ')}])`))
    }
  }
}

/** MySQL makes the index itself, and the others have no such keys. A schema may be several files. */
function isOnPostgres(project: Project, path: string): boolean {
  const folder = path.replace(/[^/]*$/, '')
  const texts = project.paths
    .filter((each) => each.endsWith('.prisma') && isRelated(each.replace(/[^/]*$/, ''), folder))
    .map((each) => project.text(each) ?? '')
  return (
    texts.some((text) => /provider\s*=\s*"(?:postgresql|postgres|cockroachdb)"/.test(text)) &&
    !texts.some((text) => /relationMode\s*=\s*"prisma"/.test(text))
  )
}

function isRelated(left: string, right: string): boolean {
  return left.startsWith(right) || right.startsWith(left)
}

// Drizzle

function inspectDrizzle(look: Look): void {
  const { module } = look
  if (!imports(module, 'drizzle-orm/pg-core')) return
  for (const call of module.all('CallExpression')) {
    if (calledName(call) === 'pgTable') inspectTable(look, call)
  }
}

function inspectTable(look: Look, call: CallNode): void {
  const [name, columns, extras] = call.arguments
  const table = textOf(name)
  const more = extras && bare(extras)
  if (table === undefined || (more !== undefined && !isFunction(more))) return
  const shape = columns && bare(columns)
  if (!is(shape, 'ObjectExpression')) return
  const indexed = more === undefined ? [] : indexedByDrizzle(look.module, more)
  for (const each of shape.properties) {
    const column = is(each, 'Property') ? nameOf(each.key) : undefined
    if (column === undefined || !is(each, 'Property')) continue
    const chain = chainOf(each.value).flatMap(({ segment }) => segment ?? [])
    const reference = chain.find((segment) => segment.name === 'references')
    const isIndexed = chain.some((segment) => /^(?:primaryKey|unique)$/.test(segment.name))
    if (reference === undefined || isIndexed || indexed.includes(column)) continue
    const key = {
      table,
      columns: [column],
      parent: parentOf(look.module, reference.args?.[0]),
      follows: isFollowing(reference.args?.[1]),
    }
    if (isTold(key)) look.report(each, claimOf(key, `(table) => [index().on(table.${column})]`))
  }
}

/** Columns that an index, a unique or a primary key starts with. */
function indexedByDrizzle(module: Module, extras: Node): readonly string[] {
  const inside = module
    .all('CallExpression')
    .filter(({ start, end }) => start >= extras.start && end <= extras.end)
  return inside.flatMap((call) => {
    const name = calledName(call) ?? ''
    const columns = propertyOf(call.arguments[0], 'columns')
    const list = columns && bare(columns)
    const first = is(list, 'ArrayExpression') ? list.elements[0] : call.arguments[0]
    if (name === 'primaryKey') return columnOf(first)
    return /^(?:on|onOnly|using)$/.test(name)
      ? call.arguments
          .slice(0, 2)
          .flatMap((each) => columnOf(each))
          .slice(0, 1)
      : []
  })
}

function columnOf(node: Node | null | undefined): readonly string[] {
  const member = node ? chainOf(node)[1]?.segment?.name : undefined
  return member === undefined ? [] : [member]
}

/** `() => users.id` */
function parentOf(module: Module, node: Node | undefined): string {
  const fn = node && bare(node)
  const body = isFunction(fn) ? fn.body : fn
  return body ? (/([A-Za-z_]\w*)/.exec(module.source(body))?.[1] ?? '?') : '?'
}

function isFollowing(options: Node | undefined): boolean {
  return /^cascade$/i.test(textOf(propertyOf(options, 'onDelete')) ?? '')
}

// TypeORM

function inspectEntities(look: Look): void {
  if (!imports(look.module, 'typeorm') || !runsOnPostgres(look)) return
  for (const kind of ['ClassDeclaration', 'ClassExpression'] as const) {
    for (const node of look.module.all(kind)) {
      if (decoratorsOf(node).some(({ name }) => name === 'Entity')) inspectEntity(look, node)
    }
  }
}

function runsOnPostgres({ project, module }: Look): boolean {
  const { dependencies } = project.packageOf(module)
  return ['pg', 'postgres'].some((name) => dependencies.has(name)) || !dependencies.has('mysql2')
}

function inspectEntity(look: Look, node: ClassNode): void {
  const indexed = indexedByEntity(node)
  for (const property of propertiesOf(node)) {
    const decorators = decoratorsOf(property)
    const relation = decorators.find(({ name }) => name === 'ManyToOne')
    const own = nameOf(property.key)
    if (relation === undefined || own === undefined) continue
    const options = relation.args.at(-1)
    if (propertyOf(options, 'createForeignKeyConstraints') !== undefined) continue
    const joined = decorators.find(({ name }) => name === 'JoinColumn')?.args[0]
    const columns = [own, `${own}Id`, textOf(propertyOf(joined, 'name')) ?? own]
    const isIndexed = decorators.some(({ name }) => /^(?:Index|Unique|PrimaryColumn)$/.test(name))
    const isPrimary = textOf(propertyOf(options, 'primary')) !== undefined
    if (isIndexed || isPrimary || columns.some((each) => indexed.has(each))) continue
    const key = {
      table: node.id?.name ?? 'the entity',
      columns: [own],
      parent: parentOf(look.module, relation.args[0]),
      follows: isFollowing(options),
    }
    if (isTold(key)) look.report(relation.node, claimOf(key, `@Index() above ${own}`))
  }
}

interface Decorated {
  readonly name: string
  readonly args: readonly Node[]
  readonly node: Node
}

function decoratorsOf(node: Node): readonly Decorated[] {
  const { decorators = [] } = node as { decorators?: readonly Node[] }
  return decorators.map((each) => ({ ...decoratorOf(each), node: each }))
}

function propertiesOf(node: ClassNode): readonly NodeOf<'PropertyDefinition'>[] {
  return node.body.body.filter((each) => is(each, 'PropertyDefinition'))
}

/** What @Index(['a', …]), @Unique([…]) and indexed columns start with; by the names of property and column. */
function indexedByEntity(node: ClassNode): ReadonlySet<string> {
  const first = decoratorsOf(node)
    .filter(({ name }) => /^(?:Index|Unique)$/.test(name))
    .flatMap(({ args }) => args.flatMap(firstOf))
  const columns = propertiesOf(node).flatMap((property) => {
    const decorators = decoratorsOf(property)
    const isIndexed = decorators.some(
      ({ name, args }) =>
        /^(?:Index|Unique|PrimaryColumn)$/.test(name) ||
        (name === 'Column' && propertyOf(args.at(-1), 'unique') !== undefined),
    )
    const column = decorators.find(({ name }) => /Column$/.test(name))?.args.at(-1)
    const names = [nameOf(property.key), textOf(propertyOf(column, 'name')), textOf(column)]
    return isIndexed ? names.filter((each) => each !== undefined) : []
  })
  return new Set([...first, ...columns])
}

/** Of ['user', 'at'], and of (it) => [it.user, it.at]. */
function firstOf(node: Node): readonly string[] {
  const at = bare(node)
  const list = isFunction(at) && at.body ? bare(at.body) : at
  const first = is(list, 'ArrayExpression') ? list.elements[0] : undefined
  if (!first) return []
  const member = bare(first)
  const name = is(member, 'MemberExpression') ? memberName(member) : textOf(member)
  return name === undefined ? [] : [name]
}

// Migrations of Knex and Kysely

function inspectBuilders(look: Look): void {
  const { module, project } = look
  if (!isInMigrations(module.path) || !isJudged(project, module.path)) return
  const calls = module.all('CallExpression').filter((call) => !isDown(call))
  const indexed = builtIndexes(project, module.path)
  for (const call of calls) {
    if (calledName(call) !== 'references') continue
    const found = referenceOf(module, call)
    if (found === undefined || found.columns.some((each) => indexed.has(each))) continue
    const list = found.columns.join("', '")
    if (isTold(found)) look.report(call, claimOf(found, found.fix ?? `table.index(['${list}'])`))
  }
}

/** table.integer('user_id').references('id').inTable('users'), .addColumn('user_id', t, (c) => c.references('users.id')) */
function referenceOf(_module: Module, call: CallNode): (Key & { fix?: string }) | undefined {
  const target = textOf(call.arguments[0])
  if (target === undefined) return undefined
  let outer: Node = call
  while (is(outer.parent, 'MemberExpression') || is(outer.parent, 'CallExpression')) {
    if (is(outer.parent, 'CallExpression') && outer.parent.callee !== outer) break
    outer = outer.parent
  }
  const chain = chainOf(outer).flatMap(({ segment }) => segment ?? [])
  if (chain.some(({ name }) => /^(?:index|unique|primary|primaryKey)$/.test(name))) return undefined
  const follows = chain.some(
    ({ name, args }) => name === 'onDelete' && /cascade/i.test(textOf(args?.[0]) ?? ''),
  )
  const inTable = chain.find(({ name }) => name === 'inTable')
  const parent = textOf(inTable?.args?.[0]) ?? target.split('.')[0] ?? '?'
  const fn = outer.parent
  const added = isFunction(fn) ? fn.parent : undefined
  if (is(added, 'CallExpression') && calledName(added) === 'addColumn') {
    const column = textOf(added.arguments[0])
    if (column === undefined) return undefined
    const table = tableIn(chainOf(added), /^(?:createTable|alterTable)$/)
    return {
      table,
      columns: [column],
      parent,
      follows,
      fix: `await db.schema.createIndex('${table}_${column}').on('${table}').column('${column}').execute()`,
    }
  }
  const column = textOf(chain[0]?.args?.[0])
  const table = tableAround(call)
  return column === undefined || table === undefined
    ? undefined
    : { table, columns: [column], parent, follows }
}

function tableIn(chain: ReturnType<typeof chainOf>, names: RegExp): string {
  const made = chain.find(({ segment }) => names.test(segment?.name ?? ''))
  return textOf(made?.segment?.args?.[0]) ?? 'the table'
}

/** Columns that any migration of the folder indexes first, whatever the table: rather too many. */
function builtIndexes(project: Project, path: string): ReadonlySet<string> {
  const group = groupOf(path)
  const modules = project.codePaths
    .filter((each) => groupOf(each) === group)
    .flatMap((each) => project.module(each) ?? [])
  return new Set(
    modules.flatMap((module) =>
      module.all('CallExpression').flatMap((call) => {
        if (isDown(call)) return []
        const name = calledName(call) ?? ''
        const takes =
          /^(?:index|unique|primary|columns?|addPrimaryKeyConstraint|addUniqueConstraint|addIndex|createIndex)$/
        return takes.test(name)
          ? call.arguments.flatMap((each) => firstOf(each).concat(textOf(each) ?? []))
          : []
      }),
    ),
  )
}

function imports(module: Module, source: string): boolean {
  return module.all('ImportDeclaration').some((each) => String(each.source.value) === source)
}
