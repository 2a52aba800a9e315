/** Models of a Prisma schema, as far as reviews ask for them: fields, relations, keys and indexes. */

export interface PrismaField {
  readonly name: string
  readonly type: string
  /** What stands behind the type. */
  readonly attributes: string
  /** In characters from the start of the schema. */
  readonly start: number
  readonly end: number
}

export interface PrismaModel {
  readonly name: string
  readonly fields: readonly PrismaField[]
  /** @@index, @@unique and @@id: their columns, in order. */
  readonly indexes: readonly (readonly string[])[]
}

const MODEL = /^[ \t]*model\s+(\w+)\s*\{([\s\S]*?)^[ \t]*\}/gm
const FIELD = /^[ \t]*(\w+)[ \t]+(\w+)(?:\[\]|\?)?([^\n]*)$/gm
const BLOCK_INDEX = /@@(?:index|unique|id)\s*\(\s*(?:[\s\S]*?fields:\s*)?\[([^\]]*)\]/g

export function prismaModels(schema: string): readonly PrismaModel[] {
  // Comments become blanks, so that places stay what they are.
  const text = schema.replaceAll(/\/\/[^\n]*/g, (comment) => ' '.repeat(comment.length))
  return [...text.matchAll(MODEL)].map((match) => {
    const [, name = '', body = ''] = match
    const from = match.index + match[0].indexOf('{') + 1
    return { name, fields: fieldsOf(body, from), indexes: blockIndexes(body) }
  })
}

function fieldsOf(body: string, from: number): readonly PrismaField[] {
  return [...body.matchAll(FIELD)].map((match) => {
    const [line, name = '', type = '', attributes = ''] = match
    const start = from + match.index + line.indexOf(name)
    return { name, type, attributes, start, end: from + match.index + line.trimEnd().length }
  })
}

function blockIndexes(body: string): readonly (readonly string[])[] {
  return [...body.matchAll(BLOCK_INDEX)].map(([, list = '']) => fieldNames(list))
}

/** `a, b(sort: Desc)` */
function fieldNames(list: string): readonly string[] {
  return list
    .replaceAll(/\([^)]*\)/g, '')
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)
}

/** Each index of a model, those of single fields included. */
export function prismaIndexes({ fields, indexes }: PrismaModel): readonly (readonly string[])[] {
  const single = fields.filter(({ attributes }) => /(?:^|[^@])@(?:id|unique)\b/.test(attributes))
  return [...indexes, ...single.map(({ name }) => [name])]
}

/** The columns that a relation is kept in: @relation(fields: [customerId], …). */
export function relationFields({ attributes }: PrismaField): readonly string[] | undefined {
  const list = /@relation\([^)]*?fields:\s*\[([^\]]*)\]/.exec(attributes)?.[1]
  return list === undefined ? undefined : fieldNames(list)
}
