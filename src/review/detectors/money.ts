/** Numbers and times that are not what they seem. */

import { functionName } from '../project/functions.ts'
import {
  bare,
  type CallNode,
  calledName,
  dotted,
  functionAround,
  is,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  textOf,
} from '../syntax/node.ts'
import { objectOf } from './common.ts'
import type { Detector, FileLook, Look } from './detector.ts'

const MONEY =
  /(?:^|_|[a-z])(?:price|amount|balance|cost|fee|salary|subtotal|total_?price|total_?amount|grand_?total|payout|invoice_?total|unit_?price)(?:s|_?usd|_?eur)?$/i
const NO_MONEY =
  /percent|ratio|rate|market|quote|cents|minor|micro|count|token|score|weight|estimate|compute|llm|model|usage|input_?cost|output_?cost/i

function isMoneyName(name: string): boolean {
  return MONEY.test(name) && !NO_MONEY.test(name)
}

/** A total of what: hours and points have one as well. */
const TOTAL = /^(?:order_?|cart_?)?totals?$/i
const TRADES =
  /order|invoice|\bcart|basket|payment|receipt|\bbill|purchase|checkout|currency|price|amount|\btax\b|shipping|booking|\bfee\b/i

/** `around`: the table, the model or the class that the column stands in. */
function isMoneyColumn(name: string, around: string): boolean {
  return isMoneyName(name) || (TOTAL.test(name) && TRADES.test(around))
}

const FIX =
  'Whole minor units in a bigint (cents), or numeric(12, 2) read as text; arithmetic on integers or a decimal library.'

export const floatingPointMoney: Detector = {
  id: 'floating-point-money',
  level: 'warning',
  consequence:
    '0.1 + 0.2 is not 0.3: sums differ from their parts by a cent, and the books never close.',
  check(look) {
    for (const property of look.module.all('PropertyDefinition')) inspectColumn(look, property)
    for (const call of look.module.all('CallExpression')) inspectCall(look, call)
    for (const property of look.module.all('Property')) inspectModelField(look, property)
  },
  checkFile: inspectFile,
}

/** @Column('float') price */
function inspectColumn(look: Look, property: NodeOf<'PropertyDefinition'>): void {
  const name = nameOf(property.key)
  const around = property.parent?.parent ?? property
  if (name === undefined || !isMoneyColumn(name, look.module.source(around))) return
  const isFloat = (property.decorators ?? []).some((each) =>
    /Column\(\s*(?:\{[^}]*type:\s*)?(?:['"](?:float|real|double|double precision|float4|float8)['"]|DataType\.(?:FLOAT|DOUBLE|REAL))/i.test(
      look.module.source(each),
    ),
  )
  if (isFloat)
    look.report(property, {
      message: `${name} is kept as a floating-point number.`,
      fix: FIX,
      confidence: 'high',
    })
}

/** Drizzle, Knex and Kysely: real('price'), table.float('price'), addColumn('price', 'real') */
function inspectCall(look: Look, call: CallNode): void {
  const method = calledName(call) ?? ''
  const [first, second] = call.arguments
  const name = textOf(first)
  if (name !== undefined && isMoneyName(name)) {
    const isFloat =
      /^(?:real|doublePrecision|double|float)$/.test(method) ||
      (method === 'addColumn' && /^(?:real|double precision|float\d?)$/.test(textOf(second) ?? ''))
    if (isFloat)
      look.report(call, {
        message: `${name} is kept as a floating-point number.`,
        fix: FIX,
        confidence: 'high',
      })
  }
  inspectParse(look, call, method, first)
}

/** parseFloat(price): what the caller or a driver gave as exact text */
function inspectParse(look: Look, call: CallNode, method: string, first: Node | undefined): void {
  if (first === undefined || !(method === 'parseFloat' || (method === 'Number' && isSummed(call))))
    return
  const at = bare(first)
  const name = is(at, 'MemberExpression') ? memberName(at) : nameOf(at)
  if (name === undefined || !isMoneyName(name) || functionAround(call) === undefined) return
  look.report(call, {
    message: `${name} is read into a floating-point number.`,
    fix: FIX,
    confidence: 'medium',
    level: 'info',
  })
}

/** sum + Number(price) */
function isSummed({ parent }: Node): boolean {
  if (is(parent, 'AssignmentExpression')) return /^[-+]=$/.test(parent.operator)
  return is(parent, 'BinaryExpression') && /^[-+]$/.test(parent.operator)
}

/** price: { type: DataTypes.FLOAT } and price: DataTypes.DOUBLE */
function inspectModelField(look: Look, property: NodeOf<'Property'>): void {
  const name = nameOf(property.key)
  const around = look.module.source(property.parent ?? property)
  if (name === undefined || !isMoneyColumn(name, around)) return
  const value = bare(property.value)
  const object = objectOf(look.module, value)
  const type =
    object === undefined
      ? value
      : object.properties.flatMap((each) =>
          is(each, 'Property') && nameOf(each.key) === 'type' ? [each.value] : [],
        )[0]
  if (
    type === undefined ||
    !/^(?:DataTypes?|Sequelize)\.(?:FLOAT|DOUBLE|REAL)/.test(
      dotted(is(bare(type), 'CallExpression') ? (bare(type) as CallNode).callee : type) ?? '',
    )
  )
    return
  look.report(property, {
    message: `${name} is kept as a floating-point number.`,
    fix: FIX,
    confidence: 'high',
  })
}

/** Prisma: price Float. SQL: price double precision. */
function inspectFile(look: FileLook): void {
  const pattern = look.path.endsWith('.prisma')
    ? /^[ \t]*(\w+)[ \t]+Float\b/gm
    : /(?:^|[(,]|\bADD\s)[ \t]*(?:ADD\s+)?(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?["`]?(\w+)["`]?[ \t]+(?:REAL|DOUBLE(?:\s+PRECISION)?|FLOAT\d?)\b/gim
  for (const match of look.text.matchAll(pattern)) {
    const name = match[1] as string
    const start = match.index + match[0].indexOf(name)
    if (isMoneyColumn(name, blockAt(look.text, start)) && !isShare(lineAt(look.text, start)))
      look.reportAt(start, start + name.length, {
        message: `${name} is kept as a floating-point number.`,
        fix: FIX,
        confidence: 'high',
      })
  }
}

/** A default between nothing and the whole: a share of something. */
function isShare(line: string): boolean {
  return /default\s*\(?\s*0?\.\d*[1-9]/i.test(line)
}

/** The model or the statement that a place stands in. */
function blockAt(text: string, offset: number): string {
  const start = Math.max(...['{', ';'].map((end) => text.lastIndexOf(end, offset)), 0)
  const heading = text.lastIndexOf('\n', start) + 1
  const end = text.slice(offset).search(/[;}]/)
  return text.slice(heading, end === -1 ? text.length : offset + end)
}

function lineAt(text: string, offset: number): string {
  const end = text.indexOf('\n', offset)
  return text.slice(offset, end === -1 ? text.length : end)
}

export const clockArithmetic: Detector = {
  id: 'clock-arithmetic',
  level: 'info',
  consequence:
    'A day is 23 or 25 hours twice a year, and a month is no number of days: renewals and reports slip by one.',
  check(look) {
    for (const call of look.module.all('CallExpression')) inspectDate(look, call)
    for (const sum of look.module.all('BinaryExpression')) inspectDay(look, sum)
  },
}

const A_DAY =
  /^(?:DAY_?(?:IN_)?(?:MS|MILLIS\w*)|(?:MS|MILLIS\w*)_(?:PER|IN)_DAY|ONE_DAY(?:_MS)?|86_?400_?000|24\s*\*\s*60\s*\*\s*60\s*\*\s*1_?000)$/i
/** Where a day of the calendar is meant, by the name of the function. */
const OF_CALENDAR = /tomorrow|next_?day|same_?time|add_?days?|every_?day|daily|remind|renew|recur/i

/** nextDay = start + 24 hours */
function inspectDay(look: Look, sum: NodeOf<'BinaryExpression'>): void {
  const around = functionAround(sum)
  if (sum.operator !== '+' || around === undefined || !OF_CALENDAR.test(functionName(around) ?? ''))
    return
  if (!A_DAY.test(look.module.source(bare(sum.right)))) return
  if (/timeZone|Temporal|luxon|dayjs|UTC|offset/i.test(look.module.source(around))) return
  look.report(sum, {
    message: '24 hours are added where a day is meant.',
    fix: "zoned.add({ days: 1 }) of Temporal, DateTime.plus({ days: 1 }) of luxon in the zone of the person, or at + interval '1 day' in the database",
    confidence: 'medium',
  })
}

/** date.setMonth(date.getMonth() + 1): the 31st of January becomes the 3rd of March. */
function inspectDate(look: Look, call: CallNode): void {
  const name = calledName(call)
  const [first] = call.arguments
  if (
    first === undefined ||
    (name !== 'setMonth' && name !== 'setUTCMonth') ||
    call.arguments.length > 1
  )
    return
  const source = look.module.source(first)
  if (!/get(?:UTC)?Month\(\)\s*[+-]/.test(source)) return
  const around = functionAround(call)
  if (
    around !== undefined &&
    /setDate\(\s*(?:1|0)\s*\)|setUTCDate\(\s*(?:1|0)\s*\)|getDate\(\)|daysInMonth/.test(
      look.module.source(around),
    )
  )
    return
  look.report(call, {
    message: 'A month is added by hand: from the 31st it lands in the month after.',
    fix: "Temporal.PlainDate.from('2026-01-31').add({ months: 1 }), date-fns addMonths, or now() + interval '1 month' in the database",
    confidence: 'high',
  })
}
