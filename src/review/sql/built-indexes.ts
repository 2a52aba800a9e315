/** Indexes of migrations that are made by a builder: table.index([…]). */
import { chainOf } from '../project/chain.ts'
import type { Project } from '../project/project.ts'
import { bare, calledName, is, type Node, textOf } from '../syntax/node.ts'
import { isDown, isMigrationPath } from './migration.ts'

/** table.index(['a', 'b']), table.uuid('a').index(): made by a builder beside statements of SQL. */
export function indexesBuilt(
  project: Project,
  path: string,
): readonly { readonly table: string; readonly columns: readonly string[] }[] {
  const module =
    /\.[mc]?[jt]s$/.test(path) && isMigrationPath(path) ? project.module(path) : undefined
  return (module?.all('CallExpression') ?? []).flatMap((call) => {
    if (!/^(?:index|unique|primary)$/.test(calledName(call) ?? '') || isDown(call)) return []
    const table = tableAround(call)
    const [first, ...others] = chainOf(call).flatMap(({ segment }) => segment ?? [])
    const own = others.length > 0 ? textOf(first?.args?.[0]) : undefined
    const [given] = call.arguments
    const columns = own === undefined && given !== undefined ? columnsIn(given) : [own ?? '']
    return table === undefined ? [] : [{ table, columns }]
  })
}

function columnsIn(node: Node): readonly string[] {
  const at = bare(node)
  return is(at, 'ArrayExpression')
    ? at.elements.map((each) => (each ? (textOf(each) ?? '') : ''))
    : [textOf(at) ?? '']
}

/** knex.schema.createTable('orders', (table) => …) */
export function tableAround(node: Node): string | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (is(at, 'CallExpression') && /^(?:createTable|alterTable|table)$/.test(calledName(at) ?? ''))
      return textOf(at.arguments[0])
  }
  return undefined
}
