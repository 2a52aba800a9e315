/** Queries whose size nobody has decided. */
import { type Effect, READS } from '../project/effects.ts'
import { bare, hasSpread, is, type Node, propertyOf } from '../syntax/node.ts'
import { isServing, leadingTo, objectOf, takenBy } from './common.ts'
import type { Detector, Look } from './detector.ts'

export const unboundedQuery: Detector = {
  id: 'unbounded-query',
  level: 'warning',
  consequence:
    'It returns the whole table: fast while there are a hundred rows, and the memory of the process once there are a million.',
  check(look) {
    if (/migrat|seed|script/i.test(look.module.path)) return
    for (const effect of look.effects.in(look.module)) {
      if (effect.does !== 'read' || effect.rows !== 'many' || !isWhole(look, effect)) continue
      const trail = isServing(look, effect.node)
      const bound = effect.library.says.bound
      look.report(effect.node, {
        message: `Reads every row of ${effect.table ?? 'the table'}: neither a filter nor a limit.`,
        fix: bound === undefined ? 'Add a limit, and page by key.' : bound,
        confidence: trail === undefined ? 'low' : 'medium',
        // How many rows there are is not seen.
        level: 'info',
        trail: trail ?? [],
      })
    }
  },
}

/** Small by their nature. */
const SMALL =
  /settings?|config|^system|countr|currenc|roles?$|permissions?$|plans?$|categor|languages?|locales?|timezones?|features?|flags?|migrations?|types?$|enum|status(?:es)?|regions?|states?$|providers?$|templates?$|pg_|information_schema/i

function isWhole(look: Look, effect: Effect): boolean {
  const { library, segments, sql, table, handle } = effect
  if (SMALL.test(table ?? '') || handle.guessed)
    return handle.guessed && !SMALL.test(table ?? '') ? isWholeGuess(look, effect) : false
  if (sql !== undefined) return isWholeSql(sql.text, sql.holes.length)
  if (library.id === 'pg' || library.id === 'postgres.js') return false
  return isWholeChain(look, effect) && segments.length > 0
}

/** Prisma's calls say enough, wherever the client came from. */
function isWholeGuess(look: Look, effect: Effect): boolean {
  return effect.library.id === 'prisma' && effect.sql === undefined && isWholeChain(look, effect)
}

function isWholeSql(text: string, holes: number): boolean {
  if (
    holes > 0 ||
    /\b(?:where|limit|fetch\s+first|group\s+by|join|having|union|returning|distinct)\b|\bcount\s*\(|\bfrom\s+(?:generate_series|unnest|json|pg_|information_schema)/i.test(
      text,
    )
  )
    return false
  return /^\s*select\b[\s\S]*\bfrom\s+["`\w.]+/i.test(text)
}

const TREE = /^(?:findTrees|findRoots)$/

function isWholeChain({ module }: Look, { library, segments, verb, node }: Effect): boolean {
  const names = segments.map(({ name }) => name)
  // The name of a common table expression is no table.
  if (names.some((name) => /^with(?:Recursive)?$/.test(name))) return false
  const bounding = [
    ...(library.bounds ?? []),
    ...(library.filters ?? []),
    'limit',
    'take',
    'first',
    'cursor',
    'groupBy',
    'join',
    'leftJoin',
    'distinct',
  ]
  if (names.some((name) => bounding.includes(name) || TREE.test(name))) return false
  // A scope of the model's own may hold a filter.
  if (
    library.tableIn === 'class' &&
    segments.some(
      (each) =>
        each !== verb &&
        each.args !== undefined &&
        /scope|filter|by[A-Z]|for[A-Z]|with[A-Z]|of[A-Z]/.test(each.name),
    )
  )
    return false
  if (library.bounds !== undefined && isBuiltElsewhere(module, node, verb.name)) return false
  const [argument, second] = verb.args ?? []
  const options =
    library.id === 'typeorm' || library.id === 'mikro-orm' ? (second ?? argument) : argument
  // findBy(where) and manager.findBy(Entity, where): the argument is the filter.
  if (/By$/.test(verb.name) && options !== undefined) return isEmptyFilter(options)
  if (library.id === 'mongoose') return isEmptyFilter(argument) && second === undefined
  if (options === undefined || library.boundFields === undefined)
    return (
      library.boundFields !== undefined ||
      library.chainDoes !== undefined ||
      library.sentBy !== undefined
    )
  const given = bare(options)
  if (library.id === 'drizzle' && verb.name !== 'findMany')
    return verb.name === 'select' && names.includes('from')
  if (library.id === 'typeorm' && is(given, 'Identifier') && second === undefined) return false
  const object = objectOf(module, given)
  if (object === undefined || hasSpread(object)) return false
  const fields = [...(library.boundFields ?? []), ...(library.filterFields ?? []), 'distinct']
  return library.id !== 'mikro-orm' && fields.every((field) => isAbsent(propertyOf(object, field)))
}

function isEmptyFilter(argument: Node | undefined): boolean {
  if (argument === undefined) return true
  const at = bare(argument)
  return is(at, 'ObjectExpression') && at.properties.length === 0
}

function isAbsent(value: Node | undefined): boolean {
  return (
    value === undefined ||
    (is(bare(value), 'ObjectExpression') &&
      (bare(value) as { properties?: readonly Node[] }).properties?.length === 0)
  )
}

/** A builder in a variable may be narrowed by later statements. */
function isBuiltElsewhere(module: Look['module'], node: Node, verb: string): boolean {
  const taken = takenBy(node)
  if (taken !== undefined && is(taken.id, 'Identifier')) {
    const binding = module.binding(taken.id) ?? module.scopes.find(taken.id, taken.id.name)
    const text =
      binding === undefined
        ? ''
        : module
            .references(binding)
            .map(({ parent }) => (parent === undefined ? '' : module.source(parent)))
            .join(' ')
    if (/\.(?:where|limit|take|andWhere|first)\b/.test(text)) return true
  }
  return /^get/.test(verb)
}

export const selectStar: Detector = {
  id: 'select-star',
  level: 'info',
  consequence:
    'A new column travels to every caller, and into every reply that passes rows on; a wide one slows all of them.',
  check(look) {
    for (const { sql, node } of look.effects.in(look.module)) {
      if (sql === undefined || !/\bselect\s+(?:\w+\.)?\*\s+from\s+["`]?[a-z]/i.test(sql.text))
        continue
      if (
        /\bexists\s*\(\s*select\s+\*/i.test(sql.text) ||
        /\bfrom\s+(?:\(|pg_|information_schema|[\w.]+\s*\()/i.test(sql.text) ||
        /^\s*with\b/i.test(sql.text)
      )
        continue
      look.report(node, {
        message: 'SELECT * takes whatever columns the table has today, and tomorrow.',
        fix: 'Name the columns that are used.',
        confidence: 'high',
        trail: [],
      })
    }
  },
}

const PAGE_SUM =
  /\(\s*\(?\s*(?:Number\(|parseInt\()?\s*[\w.]*page\w*(?:\s*,\s*10)?\s*\)?\s*-\s*1\s*\)\s*\*|\bpage\w*\s*\*\s*(?:limit|size|perPage|pageSize|page_\w+|take)/i

export const offsetDeepPage: Detector = {
  id: 'offset-deep-page',
  level: 'info',
  consequence:
    'Page 10,000 reads and throws away every row before it, and rows that come or go in between are seen twice or never.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (!READS.has(effect.does) && effect.does !== 'sql') continue
      const offset = offsetOf(look, effect)
      if (offset === undefined) continue
      look.report(effect.node, {
        message: `Pages of ${effect.table ?? 'the table'} are found by counting rows off (OFFSET).`,
        fix: effect.library.says.keyset ?? 'Ask for the rows behind the last key that was seen.',
        confidence: 'medium',
        trail: leadingTo(look, effect.node),
      })
    }
  },
}

/** What is sent for $n. */
function parameterAt(values: Node | undefined, position: number): Node | undefined {
  const list = values && bare(values)
  return is(list, 'ArrayExpression') ? (list.elements[position - 1] ?? undefined) : undefined
}

function offsetOf({ module, requests }: Look, { segments, verb, sql }: Effect): Node | undefined {
  const call = segments.find(
    ({ name, args }) => (name === 'offset' || name === 'skip') && args?.length === 1,
  )
  const options = verb.args
    ?.map((each) => objectOf(module, each))
    .find((each) => each !== undefined)
  const parameter = /\boffset\s+\$(\d+)/i.exec(sql?.text ?? '')?.[1]
  const inSql =
    parameter === undefined || sql === undefined
      ? undefined
      : sql.holes.length > 0
        ? sql.holes.find((each) => /offset|skip|page/i.test(module.source(each)))
        : parameterAt(verb.args?.[1], Number(parameter))
  const value =
    call?.args?.[0] ?? propertyOf(options, 'skip') ?? propertyOf(options, 'offset') ?? inSql
  if (value === undefined) return undefined
  const at = bare(value)
  const declared = is(at, 'Identifier') ? module.binding(at)?.declaration : undefined
  const text = `${module.source(at)} ${declared === undefined ? '' : module.source(declared)}`
  return PAGE_SUM.test(text) ||
    requests.of(module, at) !== undefined ||
    /req(?:uest)?\.query|ctx\.query/.test(text)
    ? value
    : undefined
}
