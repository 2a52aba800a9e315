/** Migrations that stop the application, or that cannot be taken back. */
import type { Node as SqlNode } from 'libpg-query'
import { as, names, type NodeOf as SqlNodeOf } from '../../database/guard/ast.ts'
import type { Project } from '../project/project.ts'
import {
  isDown,
  isMigrationPath,
  type MigrationStatement,
  newestMigrations,
  statementsIn,
  statementsOf,
} from '../sql/migration.ts'
import { type CallNode, calledName, is, propertyOf, textOf } from '../syntax/node.ts'
import type { Claim, Detector, FileLook, Look } from './detector.ts'

type Judge = (statement: MigrationStatement) => Claim | undefined

const newest = new WeakMap<Project, ReadonlySet<string>>()

function isNew(project: Project, path: string): boolean {
  const known = newest.get(project) ?? newestMigrations(project.paths)
  newest.set(project, known)
  return known.has(path)
}

const EMBEDDED = /^(?:sqlite3|better-sqlite3|sql\.js|@libsql\/client|bun:sqlite)$/
const SERVED =
  /^(?:pg|postgres|@neondatabase\/serverless|mysql2?|mariadb|tedious|oracledb|@prisma\/client)$/

/** SQLite lives in the process of its one writer, who waits for himself. */
function isEmbedded({ project }: Pick<Look, 'project'>, path: string): boolean {
  const names = [...project.packages.of(path).dependencies]
  return names.some((name) => EMBEDDED.test(name)) && !names.some((name) => SERVED.test(name))
}

function judging(
  judge: Judge,
  builder?: (call: CallNode) => Claim | undefined,
): Pick<Detector, 'check' | 'checkFile' | 'everywhere'> {
  return {
    everywhere: true,
    check(look: Look) {
      if (!isNew(look.project, look.module.path) || isEmbedded(look, look.module.path)) return
      const claims = statementsIn(look.sql, look.module).map(({ call, statement }) => ({
        at: call,
        claim: judge(statement),
      }))
      for (const call of look.module.all('CallExpression'))
        claims.push({ at: call, claim: isDown(call) ? undefined : builder?.(call) })
      const told = firstOf(claims)
      if (told !== undefined) look.report(told.at, told.claim)
    },
    checkFile(look: FileLook) {
      if (!isMigrationPath(look.path) || !isNew(look.project, look.path)) return
      if (isEmbedded(look, look.path)) return
      const told = firstOf(
        statementsOf(look.sql, look.text).map((at) => ({ at, claim: judge(at) })),
      )
      if (told !== undefined) look.reportAt(told.at.start, told.at.end, told.claim)
    },
  }
}

/** A migration is one decision, however many tables it goes through. */
function firstOf<T>(
  all: readonly { readonly at: T; readonly claim: Claim | undefined }[],
): { readonly at: T; readonly claim: Claim } | undefined {
  const claims = all.flatMap(({ at, claim }) => (claim === undefined ? [] : [{ at, claim }]))
  const first = claims.find(({ claim }) => claim.level !== 'info') ?? claims[0]
  if (first === undefined || claims.length === 1) return first
  const more = `${first.claim.message} ${claims.length - 1} more like it in this migration.`
  return { at: first.at, claim: { ...first.claim, message: more } }
}

export const indexNotConcurrently: Detector = {
  id: 'index-not-concurrently',
  level: 'warning',
  consequence:
    'Nobody can write to the table until the index is built: minutes on a large one, and everybody queues behind it.',
  ...judging(({ node, made }) => {
    const index = as(node, 'IndexStmt')
    const table = index?.relation?.relname
    if (index === undefined || index.concurrent === true || table === undefined || made.has(table))
      return undefined
    return {
      message: `An index on ${table} is built while the table is locked against writes.`,
      fix: `CREATE INDEX CONCURRENTLY ${index.idxname ?? ''} ON ${table} (…); in a migration of its own, outside of a transaction`,
      confidence: 'high',
    }
  }),
}

function commandsOf(
  node: SqlNode,
): { table: string; commands: readonly SqlNodeOf<'AlterTableCmd'>[] } | undefined {
  const alter = as(node, 'AlterTableStmt')
  const table = alter?.relation?.relname
  if (alter === undefined || table === undefined || alter.objtype !== 'OBJECT_TABLE')
    return undefined
  return { table, commands: (alter.cmds ?? []).flatMap((each) => as(each, 'AlterTableCmd') ?? []) }
}

export const notNullRewrite: Detector = {
  id: 'not-null-rewrite',
  level: 'warning',
  consequence:
    'The table is locked for everybody while each row is looked at or written anew; or the migration fails on the first row that is there.',
  ...judging(({ node, made, checked }) => {
    const alter = commandsOf(node)
    if (alter === undefined || made.has(alter.table)) return undefined
    return alter.commands
      .filter(({ subtype }) => subtype !== 'AT_SetNotNull' || !checked.has(alter.table))
      .map((each) => notNullClaim(alter.table, each))
      .find((each) => each !== undefined)
  }),
}

function notNullClaim(table: string, command: SqlNodeOf<'AlterTableCmd'>): Claim | undefined {
  if (command.subtype === 'AT_SetNotNull') {
    return {
      message: `SET NOT NULL on ${table}.${command.name} reads the whole table under the strongest lock.`,
      fix: `ALTER TABLE ${table} ADD CONSTRAINT c CHECK (${command.name} IS NOT NULL) NOT VALID; then VALIDATE CONSTRAINT c in the next migration; then SET NOT NULL is free.`,
      confidence: 'medium',
    }
  }
  const column = command.subtype === 'AT_AddColumn' ? as(command.def, 'ColumnDef') : undefined
  if (column === undefined) return undefined
  const constraints = (column.constraints ?? []).flatMap((each) => as(each, 'Constraint') ?? [])
  const isNotNull = constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL')
  const hasDefault = constraints.some(
    ({ contype }) =>
      contype === 'CONSTR_DEFAULT' ||
      contype === 'CONSTR_GENERATED' ||
      contype === 'CONSTR_IDENTITY',
  )
  const type = names(column.typeName?.names).at(-1) ?? ''
  if (!isNotNull || hasDefault || /serial/.test(type)) return undefined
  return {
    message: `A column that must not be NULL is added to ${table} without a default.`,
    consequence:
      'The migration fails as soon as the table holds one row, and so does every insert of the version that still runs.',
    fix: `ADD COLUMN ${column.colname} … DEFAULT …; or add it nullable, fill it in batches, and make it NOT NULL later`,
    confidence: 'high',
  }
}

export const typeChangeRewrite: Detector = {
  id: 'type-change-rewrite',
  level: 'warning',
  consequence:
    'Every row is written anew while nobody can read or write the table, and the version that still runs finds another type.',
  ...judging(
    ({ node, made }) => {
      const alter = commandsOf(node)
      const change = alter?.commands.find(({ subtype }) => subtype === 'AT_AlterColumnType')
      if (alter === undefined || change === undefined || made.has(alter.table)) return undefined
      const type = names(as(change.def, 'ColumnDef')?.typeName?.names).at(-1) ?? ''
      // Most of these only take a bound away, which is free.
      if (/^(?:text|varchar|citext)$/.test(type)) return undefined
      return {
        level: BIG.test(alter.table) ? 'warning' : 'info',
        message: `The type of ${alter.table}.${change.name} is changed in place, to ${type}.`,
        fix: 'Add a column of the new type, write both, fill it in batches, read the new one, drop the old one: five deploys, none of which stops anybody.',
        confidence: 'medium',
      }
    },
    (call) =>
      calledName(call) === 'alter' && call.arguments.length === 0
        ? {
            level: 'info',
            message: 'The type of a column is changed in place.',
            fix: 'Add a column of the new type, fill it in batches, and change over.',
            confidence: 'medium',
          }
        : undefined,
  ),
}

export const destructiveMigration: Detector = {
  id: 'destructive-migration',
  level: 'warning',
  consequence:
    'The version that still runs fails at once, and rolling it back does not bring the data back.',
  ...judging(({ node, made }) => {
    const what = destroyed(node, made)
    return what === undefined
      ? undefined
      : {
          message: `${what} in one step.`,
          fix: 'Expand, then contract: stop using it in one release, look that nobody does, drop it in a later one; rename by adding the new name beside the old.',
          confidence: 'high',
          // Whether the release before has stopped using it cannot be seen from here.
          level: /renamed/.test(what) ? 'warning' : 'info',
        }
  }, destroyedByBuilder),
}

function destroyed(node: SqlNode, made: ReadonlySet<string>): string | undefined {
  const alter = commandsOf(node)
  const dropped = alter?.commands.find(({ subtype }) => subtype === 'AT_DropColumn')
  if (alter !== undefined && dropped !== undefined)
    return made.has(alter.table) ? undefined : `${alter.table}.${dropped.name} is dropped`
  const drop = as(node, 'DropStmt')
  if (drop?.removeType === 'OBJECT_TABLE') {
    const list = as(drop.objects?.[0], 'List')
    const table = names(list?.items).at(-1) ?? 'a table'
    return made.has(table) ? undefined : `The table ${table} is dropped`
  }
  const rename = as(node, 'RenameStmt')
  const table = rename?.relation?.relname ?? ''
  if (rename?.renameType === 'OBJECT_COLUMN' && !made.has(table))
    return `${table}.${rename.subname} is renamed to ${rename.newname}`
  if (rename?.renameType === 'OBJECT_TABLE' && !made.has(table) && !made.has(rename.newname ?? ''))
    return `The table ${table} is renamed to ${rename.newname}`
  return undefined
}

const BUILDER: Readonly<Record<string, string>> = {
  dropColumn: 'A column is dropped',
  dropColumns: 'Columns are dropped',
  removeColumn: 'A column is dropped',
  dropTable: 'A table is dropped',
  dropTableIfExists: 'A table is dropped',
  renameColumn: 'A column is renamed',
  renameTable: 'A table is renamed',
}

function destroyedByBuilder(call: CallNode): Claim | undefined {
  const what = BUILDER[calledName(call) ?? '']
  const name = textOf(call.arguments.at(-1)) ?? textOf(call.arguments[0])
  if (what === undefined || call.arguments.length === 0) return undefined
  return {
    message: `${what}${name === undefined ? '' : ` (${name})`} in one step.`,
    fix: 'Expand, then contract: stop using it in one release, drop it in a later one; rename by adding the new name beside the old.',
    confidence: 'high',
    level: /renamed/.test(what) ? 'warning' : 'info',
  }
}

export const massiveMigration: Detector = {
  id: 'massive-migration',
  level: 'warning',
  consequence:
    'One transaction rewrites every row: locks, a table twice its size, replicas far behind, and all of it again when it fails.',
  ...judging(({ node, made }) => {
    const update = as(node, 'UpdateStmt')
    const remove = as(node, 'DeleteStmt')
    const statement = update ?? remove
    const table = statement?.relation?.relname
    if (
      statement === undefined ||
      table === undefined ||
      /^\$\d/.test(table) ||
      statement.whereClause !== undefined ||
      made.has(table)
    )
      return undefined
    return {
      message: `Every row of ${table} is ${update === undefined ? 'deleted' : 'updated'} in one statement.`,
      fix: `Batches of a thousand by key, each its own transaction, with a pause: UPDATE ${table} SET … WHERE id > $1 AND id <= $2`,
      confidence: 'medium',
    }
  }),
}

const BIG =
  /orders?|events?|logs?|messages?|payments?|transactions?|users?|customers?|entries|invoices?|posts?|comments?|activit/i

const cascades = judging(({ node }) => {
  const create = as(node, 'CreateStmt')
  const table = create?.relation?.relname ?? commandsOf(node)?.table
  const columns = (create?.tableElts ?? []).flatMap(
    (each) =>
      as(each, 'ColumnDef')?.constraints ?? (as(each, 'Constraint') === undefined ? [] : [each]),
  )
  const added = (commandsOf(node)?.commands ?? []).flatMap(({ def }) =>
    def === undefined ? [] : [def],
  )
  const keys = [...columns, ...added]
    .flatMap((each) => as(each, 'Constraint') ?? [])
    .filter(({ contype, fk_del_action }) => contype === 'CONSTR_FOREIGN' && fk_del_action === 'c')
  const found = keys.find((key) => BIG.test(table ?? '') && key.pktable !== undefined)
  return found === undefined
    ? undefined
    : {
        message: `Deleting a row of ${found.pktable?.relname} deletes its ${table} with it.`,
        fix: 'ON DELETE RESTRICT, a deleted_at, and a job that removes in batches',
        confidence: 'medium',
      }
})

export const cascadingDelete: Detector = {
  id: 'cascading-delete',
  level: 'info',
  consequence:
    'Deleting one row deletes millions in one transaction, with their locks; and what was deleted by mistake is gone as well.',
  ...cascades,
  check(look) {
    cascades.check?.(look)
    for (const call of look.module.all('CallExpression')) inspectReference(look, call)
  },
}

/** Drizzle: references(() => users.id, { onDelete: 'cascade' }); TypeORM: @ManyToOne(..., { onDelete: 'CASCADE' }) */
function inspectReference(look: Look, call: CallNode): void {
  if (!/^(?:references|ManyToOne|belongsTo|foreignKey)$/.test(calledName(call) ?? '')) return
  const options = call.arguments.at(-1)
  const action = textOf(propertyOf(options, 'onDelete'))
  if (
    action?.toLowerCase() !== 'cascade' ||
    options === undefined ||
    !is(options, 'ObjectExpression')
  )
    return
  const target = look.module.source(call.arguments[0] ?? call)
  if (!BIG.test(`${look.module.path.split('/').at(-1)}`) && !BIG.test(target)) return
  look.report(call, {
    message: `Deleting what ${target.slice(0, 40)} names deletes these rows with it.`,
    fix: "onDelete: 'restrict', a deleted_at, and a job that removes in batches",
    confidence: 'low',
  })
}
