import type { Effect } from '../project/effects.ts'
import type { Project } from '../project/project.ts'
import { isOneOfList, type Origin } from '../project/request-values.ts'
import type { Binding } from '../syntax/bindings.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  calledName,
  dotted,
  type FunctionNode,
  functionAround,
  hasSpread,
  is,
  isFunction,
  isInside,
  type Node,
  type NodeOf,
  nameOf,
  outside,
  textOf,
} from '../syntax/node.ts'
import { columnsOfCaller } from './column-names.ts'
import { leadingTo, objectOf } from './common.ts'
import type { Detector, Look } from './detector.ts'

export const stringSql: Detector = {
  id: 'string-sql',
  level: 'error',
  consequence:
    "Whoever sends the value writes part of the statement: reads other people's rows, or drops them.",
  check(look) {
    for (const effect of look.effects.in(look.module)) inspectEffect(look, effect)
    for (const call of look.module.all('CallExpression')) inspectRaw(look, call)
  },
}

function inspectEffect(look: Look, effect: Effect): void {
  const { sql, library, node } = effect
  if (sql === undefined || sql.isTagged) return
  if (inspectHoles(look, node, sql.holes, library.says.parameters)) return
  const origin = columnsOfCaller(look, effect)
  if (origin === undefined || isQuoted(look.module, node)) return
  look.report(node, {
    message: `The keys of the caller's ${origin.name || 'body'} become names of columns in the statement's text.`,
    fix: 'Take the names from a list of your own: COLUMNS.filter((name) => name in body)',
    confidence: 'high',
    level: 'warning',
    trail: origin.path,
  })
}

/** Quoted as a name, by whatever does it. */
function isQuoted(module: Module, node: Node): boolean {
  return /escape|quot|ident|format\(/i.test(module.source(functionAround(node) ?? node))
}

function inspectHoles(
  look: Look,
  node: Node,
  holes: readonly Node[],
  parameters: string | undefined,
): boolean {
  for (const hole of holes) {
    if (isHarmless(look.module, hole, 0)) continue
    const origin = look.requests.of(look.module, hole)
    if (origin === undefined ? !looksLikeValue(look, hole) : isOfDeclaredList(look, origin))
      continue
    look.report(node, {
      message:
        origin === undefined
          ? `The text of the statement is put together with ${shown(look.module, hole)}.`
          : `The caller's ${origin.name} becomes part of the statement's text.`,
      fix: parameters === undefined ? 'Send it as a parameter.' : `As a parameter: ${parameters}`,
      confidence: origin === undefined ? 'medium' : 'high',
      level: isSurelyOpen(look.module, hole, origin) ? 'error' : 'warning',
      trail: origin === undefined ? leadingTo(look, node) : origin.path,
    })
    return true
  }
  return false
}

function isSurelyOpen(module: Module, hole: Node, origin: Origin | undefined): boolean {
  return (
    origin !== undefined &&
    !origin.isChecked &&
    (isValue(hole) || (isDirection(hole) && !isLookedAtOnTheWay(origin, hole))) &&
    !isLookedAt(module, hole) &&
    !isNarrow(origin)
  )
}

/** A direction has two values, which any function between may have asked for. */
function isLookedAtOnTheWay({ path }: Origin, hole: Node): boolean {
  const name = dotted(bare(hole))?.split('.').at(-1) ?? ''
  const asked = new RegExp(
    `\\b(?:is|valid|check|assert|ensure|parse|has|test|match|includes|indexOf|sanit|allow)\\w*\\([^()]*\\b${name}\\b|\\b${name}\\b[^;\\n]{0,30}[!=]==?\\s*['"\`]`,
    'i',
  )
  return path.some(({ module, node }) => {
    const around = isFunction(node) ? node : functionAround(node)
    return around !== undefined && asked.test(module.source(around))
  })
}

/** Where a value stands: behind a comparison, in quotes. The name of a table is mostly one of a list. */
function isValue(hole: Node): boolean {
  const before = textAround(hole)?.before.replaceAll(/--.*/g, '')
  if (before === undefined) return false
  const isQuoted = (before.split("'").length - 1) % 2 === 1
  return (
    isQuoted ||
    /(?:[=<%]|(?<![->])>|[=(,]\s*"%?|\blike|\bin\s*\(|\bvalues\s*\([^)]*)\s*$/i.test(before)
  )
}

/** ORDER BY name ${direction}: nothing but a word of two may stand there, and any text does. */
function isDirection(hole: Node): boolean {
  const text = textAround(hole)
  const name = dotted(bare(hole))?.split('.').at(-1) ?? ''
  return (
    text !== undefined &&
    /(?:dir(?:ection)?|order)$/i.test(name) &&
    /[\w")\]]\s+$/.test(text.before) &&
    /^\s*(?:$|[,)]|nulls\b|limit\b|offset\b)/i.test(text.after) &&
    !/\b(?:order|by|where|from|and|or)\s+$/i.test(text.before)
  )
}

/** What stands before and behind a part of a text that is put together, its other parts as ?. */
function textAround(hole: Node): { readonly before: string; readonly after: string } | undefined {
  const parent = outside(hole)
  if (is(parent, 'TemplateLiteral')) {
    const index = parent.expressions.findIndex((each) => isInside(hole, each))
    const texts = parent.quasis.map(({ value }) => value.cooked ?? value.raw)
    return { before: texts.slice(0, index + 1).join('?'), after: texts.slice(index + 1).join('?') }
  }
  if (!is(parent, 'BinaryExpression') || bare(parent.right) !== bare(hole)) return undefined
  const behind = outside(parent)
  const after =
    is(behind, 'BinaryExpression') && bare(behind.left) === parent ? writtenIn(behind.right) : ''
  return { before: writtenIn(parent.left), after }
}

function writtenIn(node: Node): string {
  const at = bare(node)
  if (is(at, 'BinaryExpression')) return writtenIn(at.left) + writtenIn(at.right)
  if (is(at, 'TemplateLiteral'))
    return at.quasis.map(({ value }) => value.cooked ?? value.raw).join('?')
  return textOf(at) ?? '?'
}

/** Something has been asked of it before, which may let only the harmless through. */
function isLookedAt(module: Module, hole: Node): boolean {
  const around = functionAround(hole)
  const name = module
    .source(hole)
    .trim()
    .replaceAll(/[$()[\]{}.*+?^|\\]/g, '\\$&')
  const before = around === undefined ? '' : module.text.slice(around.start, hole.start)
  return new RegExp(
    `(?:\\b(?:is|valid|check|assert|ensure|parse|has|test|match|includes|indexOf|NaN|escape|sanit)\\w*\\((?:[^()]*,)?\\s*${name}\\s*[,)]|${name}\\s*[!=]==?\\s*['"\`]\\w|switch\\s*\\(\\s*${name}\\b|${name}\\.(?:match|replace|replaceAll)\\()`,
    'i',
  ).test(before)
}

/** The class of what is sent lets one of a list through: @IsIn([…]), @IsEnum(Way), an enumeration of GraphQL. */
function isOfDeclaredList({ project }: Look, { name, path }: Origin): boolean {
  const route = path.find(({ isRoute, label }) => isRoute === true && label.endsWith('(Nest)'))
  if (route === undefined || !is(route.node, 'MethodDefinition')) return false
  const field = name.split('.').at(-1) ?? ''
  const { params } = route.node.value as FunctionNode
  const types = params.flatMap((each) => typesIn(route.module.source(each)))
  return project.modules.some((module) => listsField(project, module, types, field))
}

function typesIn(text: string): readonly string[] {
  return text.match(/\b[A-Z]\w+/g) ?? []
}

/** In one of these classes, or in one that they are made of. */
function listsField(
  project: Project,
  module: Module,
  types: readonly string[],
  field: string,
): boolean {
  const properties = (of: readonly string[]) =>
    module
      .all('ClassDeclaration')
      .filter(({ id }) => of.includes(id?.name ?? ''))
      .flatMap(({ body }) => body.body.filter((each) => is(each, 'PropertyDefinition')))
  const own = properties(types)
  const inner = properties(own.flatMap((each) => typesIn(module.source(each))))
  return [...own, ...inner].some(
    (each) =>
      nameOf(each.key) === field &&
      (each.decorators ?? []).some((decorator) => isList(project, module.source(decorator))),
  )
}

/** @IsIn([…]), @IsEnum(Way); @Field(() => Way) of an enumeration that is registered; what is no text at all. */
function isList({ modules }: Project, decorator: string): boolean {
  const type = /^@Field\(.*=>\s*([A-Z]\w+)/s.exec(decorator)?.[1]
  return (
    /^@(?:IsIn|IsEnum|IsInt|IsNumber|IsBoolean)\(/.test(decorator) ||
    /^(?:Int|Float|Boolean)$/.test(type ?? '') ||
    (type !== undefined &&
      modules.some(({ text }) => new RegExp(`registerEnumType\\(\\s*${type}\\b`).test(text)))
  )
}

/** The route has looked at it: by middleware, or by a pattern in its path. */
function isNarrow({ path }: Origin): boolean {
  return path.some(({ isRoute, label, module, node }) => {
    const before = is(node, 'CallExpression') ? node.arguments.slice(0, -1) : []
    return (
      isRoute === true &&
      (/:\w+\(/.test(label.replace(/ \(\w+(?:\.js)?\)$/, '')) ||
        before.some((each) =>
          /valid|check|sanit|schema|joi|celebrate|\b(?:body|param|query)\(/i.test(
            module.source(each),
          ),
        ))
    )
  })
}

const WHERE_CALLS =
  /^(?:where|andWhere|orWhere|having|andHaving|orderBy|addOrderBy|select|addSelect|whereRaw|orWhereRaw|havingRaw|orderByRaw|groupByRaw|joinRaw|fromRaw|raw|literal|\$queryRawUnsafe|\$executeRawUnsafe|unsafe)$/

/** Fragments: sql.raw(`…`), .where(`name = ${name}`), sequelize.literal(…). */
function inspectRaw(look: Look, call: NodeOf<'CallExpression'>): void {
  const [first] = call.arguments
  const name = calledName(call) ?? ''
  if (first === undefined || !WHERE_CALLS.test(name)) return
  if (!/raw|literal|unsafe/i.test(name) && !usesTypeorm(look)) return
  const at = bare(first)
  const isBuilt = is(at, 'TemplateLiteral')
    ? at.expressions.length > 0
    : is(at, 'BinaryExpression') && at.operator === '+'
  if (!isBuilt) return
  const holes = is(at, 'TemplateLiteral') ? at.expressions : partsOf(at)
  for (const hole of holes) {
    const origin = isHarmless(look.module, hole, 0)
      ? undefined
      : look.requests.of(look.module, hole)
    if (origin === undefined || isOfDeclaredList(look, origin)) continue
    look.report(call, {
      message: `The caller's ${origin.name} becomes part of the text given to ${name}().`,
      fix: `As a parameter: ${/where/i.test(name) ? ".where('user.name = :name', { name })" : 'sql`… ${name}` or a bound ? / $1'}`,
      confidence: 'high',
      level:
        /^(?:add)?(?:orderBy|select)$/i.test(name) ||
        /<\w/.test(look.module.source(at)) ||
        !isSurelyOpen(look.module, hole, origin)
          ? 'warning'
          : 'error',
      trail: origin.path,
    })
    return
  }
}

/** Only TypeORM takes its conditions as SQL; to others such a text is the name of a column. */
function usesTypeorm({ project, module }: Look): boolean {
  const { dependencies } = project.packageOf(module)
  // Knex quotes what it takes for a column.
  if (/\bknex\b/i.test(module.text)) return false
  return (
    dependencies.has('typeorm') ||
    dependencies.has('@nestjs/typeorm') ||
    /from ['"]typeorm['"]/.test(module.text)
  )
}

function partsOf(node: Node): readonly Node[] {
  const at = bare(node)
  if (!is(at, 'BinaryExpression')) return textOf(at) === undefined ? [at] : []
  return [...partsOf(at.left), ...partsOf(at.right)]
}

const SAFE_CALL =
  /^(?:Number|parseInt|parseFloat|escapeId|escapeIdentifier|escapeLiteral|escape|quoteIdent|quoteIdentifier|ident|identifier|quote|literal|format|columnList|String\.raw|toISOString|length|placeholders?|join|repeat|getTableName|makeParamName|quoted?|wrap\w*|sanitize\w*|validate\w*|assert\w*|escape\w*)$/
const SAFE_NAME =
  /schema|table|column|placeholder|ident|prefix|suffix|fields?$|alias|cte|clause|^[A-Z_0-9]+$|quot|escape|safe|sanit|^(?:limit|offset|index|idx|i|n|count|params?\w*|where\w*|order\w*|sort\w*|direction|dir|join\w*|select\w*|sql\w*|query\w*|filter\w*|cond\w*|constraint\w*|database\w*|db\w*|role\w*|trigger\w*|fn\w*|func\w*|interval\w*|extension\w*|type\w*|values?|cols?|set\w*|sequence\w*|key\w*)$/i

function isHarmless(module: Module, node: Node, depth: number): boolean {
  const at = bare(node)
  if (depth > 6 || textOf(at) !== undefined || is(at, 'Literal')) return true
  const inner = (each: Node) => isHarmless(module, each, depth + 1)
  if (is(at, 'ConditionalExpression'))
    return (inner(at.consequent) || isOneOfList(module, at)) && inner(at.alternate)
  if (is(at, 'LogicalExpression')) return inner(at.left) && inner(at.right)
  if (is(at, 'TemplateLiteral')) return at.expressions.every(inner)
  if (is(at, 'BinaryExpression')) return at.operator !== '+' || (inner(at.left) && inner(at.right))
  if (is(at, 'UnaryExpression') || is(at, 'UpdateExpression')) return true
  if (is(at, 'CallExpression')) return SAFE_CALL.test(calledName(at) ?? '')
  if (is(at, 'TaggedTemplateExpression')) return true
  if (is(at, 'MemberExpression') && is(at.object, 'Identifier') && at.computed)
    return isLookup(module, at.object)
  if (!is(at, 'Identifier')) return false
  const binding = module.binding(at)
  if (binding !== undefined && isWrittenKey(module, binding)) return true
  if (binding?.kind === 'parameter' && isCheckedAgainstList(module, at)) return true
  if (binding?.kind !== 'variable' || !is(binding.declaration, 'VariableDeclarator')) return false
  if (isCheckedAgainstList(module, at)) return true
  const { init } = binding.declaration
  return !!init && !binding.mutable && binding.path.length === 0 && inner(init)
}

/** Object.entries({ name, color }).forEach(([key, value]) => …): the keys stand here. */
function isWrittenKey(module: Module, { declaration, path }: Binding): boolean {
  if (path[0] !== '0') return false
  const around = declaration.parent
  const call = isFunction(around) ? outside(around) : undefined
  const loop = around?.parent
  const listed =
    is(call, 'CallExpression') && is(call.callee, 'MemberExpression')
      ? bare(call.callee.object)
      : is(loop, 'ForOfStatement')
        ? bare(loop.right)
        : undefined
  if (!is(listed, 'CallExpression') || dotted(listed.callee) !== 'Object.entries') return false
  const object = listed.arguments[0] && objectOf(module, listed.arguments[0])
  return object !== undefined && !hasSpread(object)
}

/** SORTS[req.query.sort]: one of the values that are written here. */
function isLookup(module: Module, object: NodeOf<'Identifier'>): boolean {
  const declaration = module.binding(object)?.declaration
  return (
    is(declaration, 'VariableDeclarator') &&
    is(declaration.init && bare(declaration.init), 'ObjectExpression')
  )
}

/** if (!COLUMNS.includes(sort)) throw … */
function isCheckedAgainstList(module: Module, node: NodeOf<'Identifier'>): boolean {
  const around = functionAround(node)
  if (around === undefined) return false
  const name = node.name.replaceAll('$', '\\$')
  return new RegExp(`\\.(?:includes|has|hasOwn|test)\\(\\s*(?:\\w+\\s*,\\s*)?${name}\\b`).test(
    module.text.slice(around.start, node.start),
  )
}

/** Without a visible origin: a parameter that is called like a value, in a function that somebody exports. */
function looksLikeValue(look: Look, hole: Node): boolean {
  const at = bare(hole)
  const name = dotted(at)
  if (name === undefined) return false
  const last = name.split('.').at(-1) ?? ''
  if (SAFE_NAME.test(last) || /^this\./.test(name)) return false
  const root = rootIdentifier(at)
  const binding = root && look.module.binding(root)
  return (
    binding?.kind === 'parameter' &&
    !isFunction(binding.declaration) &&
    /id$|name$|email|search|term|slug|token|text|user|status|date|phone|title|password|code$/i.test(
      last,
    )
  )
}

function rootIdentifier(node: Node): NodeOf<'Identifier'> | undefined {
  let at = bare(node)
  while (is(at, 'MemberExpression')) at = bare(at.object)
  return is(at, 'Identifier') ? at : undefined
}

function shown(module: Module, node: Node): string {
  const text = module.source(node).replaceAll(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 37)}...` : text
}
