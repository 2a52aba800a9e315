/** The human page of a description: one document, no script, nothing loaded from elsewhere. */
import type { JsonSchema } from '../../base/schema.ts'
import { schemaList, schemaObject } from '../../operation/json-schema.ts'
import { docsStyle } from './docs-style.ts'
import type { OpenApi } from './openapi.ts'
import { sampleOf } from './schema-sample.ts'

/** A recursive schema has no end; a reader gives up earlier. */
const DEPTH_MAX = 6

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly example?: string
  readonly schema: JsonSchema
}

interface Content {
  readonly schema?: JsonSchema
  readonly examples?: Readonly<
    Record<string, { readonly summary?: string; readonly value: unknown }>
  >
}

interface Response {
  readonly description: string
  readonly content?: Readonly<Record<string, Content>>
}

interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly parameters: readonly JsonSchema[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> }
  readonly responses: Readonly<Record<string, JsonSchema>>
}

interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** `apiUrl`: where the `curl` lines point to. */
export function docsPage(api: OpenApi, apiUrl: string): string {
  const entries = entriesOf(api)
  const tags = [...new Set(entries.map(({ operation }) => operation.tags[0] as string))]
  const { title, version } = api.info as { title: string; version: string }
  const page = new Page(api, apiUrl)
  const nav = tags.map((tag) => section(tag, entries, (entry) => navLine(entry))).join('')
  const main = tags.map((tag) => section(tag, entries, (entry) => page.entry(entry))).join('')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${docsStyle}</style></head>
<body><nav><h1>${escaped(title)}</h1><p>Version ${escaped(version)} - <a href="/openapi.json">openapi.json</a></p>${nav}</nav>
<main>${introduction}${main}</main></body></html>
`
}

const introduction = `<p>Send <code>Authorization: Bearer &lt;API key&gt;</code>. Errors are
<code>application/problem+json</code> (RFC 9457): branch on <code>code</code>. Requests that write
carry an <code>Idempotency-Key</code>; send the same key again when you retry.</p>`

function entriesOf(api: OpenApi): Entry[] {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation: operation as Operation,
    })),
  )
}

function section(tag: string, entries: readonly Entry[], show: (entry: Entry) => string): string {
  const own = entries.filter(({ operation }) => operation.tags[0] === tag)
  return `<section><h2>${escaped(tag)}</h2>${own.map(show).join('')}</section>`
}

function navLine({ method, path, operation }: Entry): string {
  const name = escaped(operation.summary)
  return `<a href="#${escaped(operation.operationId)}" title="${escaped(`${method} ${path}`)}"><b class="${method}">${method}</b> ${name}</a>`
}

class Page {
  readonly #api: OpenApi
  readonly #apiUrl: string

  constructor(api: OpenApi, apiUrl: string) {
    this.#api = api
    this.#apiUrl = apiUrl
  }

  entry(entry: Entry): string {
    const { method, path, operation } = entry
    const body = operation.requestBody?.content['application/json']
    const description = (operation.description ?? '').split('\n\n').filter(Boolean)
    return `<article id="${escaped(operation.operationId)}">
<h3><b class="${method}">${method}</b> <code>${escaped(path)}</code></h3>
<p><strong>${escaped(operation.summary)}</strong> <small>${escaped(operation.operationId)}</small></p>
${description.map((text) => `<p>${escaped(text)}</p>`).join('')}
<pre>${escaped(this.#curl(entry))}</pre>
${this.#parameters(operation)}
${body?.schema === undefined ? '' : `<h4>Body</h4>${this.#schema(body.schema, 0)}`}
<h4>Replies</h4>${this.#responses(operation)}
</article>`
  }

  #curl({ method, path, operation }: Entry): string {
    const parameters = operation.parameters.map(
      (each) => this.#resolve(each) as unknown as Parameter,
    )
    const filled = path.replaceAll(/\{([^}]+)\}/g, (_match, name: string) => {
      const parameter = parameters.find((each) => each.name === name)
      return String(sampleOf(this.#root(), parameter?.schema ?? {}))
    })
    const lines = [`curl${method === 'GET' ? '' : ` -X ${method}`} ${this.#apiUrl}${filled}`]
    lines.push(`-H 'Authorization: Bearer '$API_KEY`)
    for (const { name, in: place, required, example } of parameters)
      if (place === 'header' && required)
        lines.push(
          name === 'Idempotency-Key' ? `-H "${name}: $(uuidgen)"` : `-H '${name}: ${example}'`,
        )
    const body = operation.requestBody?.content['application/json']
    if (body !== undefined) {
      lines.push(`-H 'Content-Type: application/json'`)
      lines.push(`-d '${JSON.stringify(this.#bodyExample(body)).replaceAll("'", "'\\''")}'`)
    }
    return lines.join(' \\\n  ')
  }

  #bodyExample(body: Content): unknown {
    const [first] = Object.values(body.examples ?? {})
    return first === undefined ? sampleOf({ ...this.#root(), ...body.schema }) : first.value
  }

  #parameters(operation: Operation): string {
    const rows = operation.parameters.map((each) => {
      const parameter = this.#resolve(each) as unknown as Parameter
      const required = parameter.required ? '<em>required</em>' : ''
      return `<tr><td><code>${escaped(parameter.name)}</code> ${required}</td><td>${parameter.in}</td>
<td>${this.#type(parameter.schema)}</td><td>${escaped(parameter.description ?? '')}</td></tr>`
    })
    return `<h4>Parameters</h4><table>${rows.join('')}</table>`
  }

  #responses(operation: Operation): string {
    return Object.entries(operation.responses)
      .map(([status, each]) => this.#response(status, this.#resolve(each) as unknown as Response))
      .join('')
  }

  #response(status: string, response: Response): string {
    const title = `<b class="s${status[0]}">${status}</b> ${inlineCode(response.description)}`
    const content = Object.values(response.content ?? {})[0]
    if (content === undefined) return `<div class="reply">${title}</div>`
    const examples = Object.values(content.examples ?? {}).map(
      ({ value }) => `<pre>${escaped(JSON.stringify(value, undefined, 2))}</pre>`,
    )
    const schema = status.startsWith('2') && content.schema ? this.#schema(content.schema, 0) : ''
    return `<details class="reply"><summary>${title}</summary>${schema}${examples.join('')}</details>`
  }

  #schema(schema: JsonSchema, depth: number): string {
    const found = this.#resolve(schema)
    if (depth > DEPTH_MAX) return ''
    const choices = [...schemaList(found.anyOf), ...schemaList(found.oneOf)]
    const parts = [...schemaList(found.allOf), ...choices]
    const inner = parts
      .map((part) => this.#schema(part, depth + 1))
      .join(choices.length > 0 ? '<p>or</p>' : '')
    if (found.items !== undefined) return this.#schema(found.items as JsonSchema, depth + 1) + inner
    const fields = Object.entries(schemaObject(found.properties) ?? {})
    if (fields.length === 0) return inner
    const required = Array.isArray(found.required) ? found.required : []
    const rows = fields.map(([name, field]) => {
      const mark = required.includes(name) ? '<em>required</em>' : ''
      const own = schemaObject(field) ?? {}
      const text = escaped(String(this.#resolve(own).description ?? ''))
      return `<tr><td><code>${escaped(name)}</code> ${mark}</td><td>${this.#type(own)}</td>
<td>${text}${this.#schema(own, depth + 1)}</td></tr>`
    })
    return `<table>${rows.join('')}</table>${inner}`
  }

  #type(schema: JsonSchema): string {
    const found = this.#resolve(schema)
    const named = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined
    const list = found.items === undefined ? '' : `list of ${this.#type(found.items as JsonSchema)}`
    if (list !== '') return list
    const type =
      named ?? (found.format as string | undefined) ?? [found.type ?? ''].flat().join(' or ')
    return [escaped(String(type)), ...bounds(found)].filter(Boolean).join(', ')
  }

  #resolve(schema: JsonSchema): JsonSchema {
    if (typeof schema.$ref !== 'string') return schema
    const [, , kind = '', name = ''] = schema.$ref.split('/')
    const found = (this.#api.components[kind] as Record<string, JsonSchema> | undefined)?.[name]
    return found ?? {}
  }

  #root(): JsonSchema {
    return { components: this.#api.components }
  }
}

const shownBounds = [
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'pattern',
  'default',
]

function bounds(schema: JsonSchema): string[] {
  const told = shownBounds
    .filter(
      (key) =>
        schema[key] !== undefined && Math.abs(Number(schema[key])) !== Number.MAX_SAFE_INTEGER,
    )
    .filter((key) => key !== 'pattern' || schema.format === undefined)
    .map((key) => `${key} <code>${escaped(String(schema[key]))}</code>`)
  const values = Array.isArray(schema.enum) ? [`one of ${schema.enum.map(codeOf).join(' ')}`] : []
  return [...told, ...values, ...('const' in schema ? [codeOf(schema.const)] : [])]
}

function codeOf(value: unknown): string {
  return `<code>${escaped(String(value))}</code>`
}

/** `text` in backquotes as code. */
function inlineCode(text: string): string {
  return escaped(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] as string)
}
