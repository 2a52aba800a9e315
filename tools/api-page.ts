/**
 * docs/reference/api.md, from the declarations that the compiler writes:
 *
 *   node tools/launch.mjs tools/api-page.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Declaration,
  type Declarations,
  emitDeclarations,
  exportsOf,
  resolve,
} from './docs/declarations.ts'
import { root } from './docs/project-copy.ts'

export const API_PAGE = 'docs/reference/api.md'

interface Door {
  /** `holdfast/testing` */
  readonly name: string
  readonly file: string
}

export function doors(): readonly Door[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => ({
      name: join(name, path),
      file: `src/${path === '.' ? 'index' : path.slice(2)}.ts`,
    }))
}

/** Parts of the inside: an exported type names them, and nobody has to know what they look like. */
const INSIDE =
  /^src\/(?:app|state|transport|prove\/(?!verdict|race))|^src\/runtime\/(?:health|loop|shutdown|telemetry)|^src\/database\/(?:catalog|connection|guard|observed|wire-writer)|^src\/operation\/(?:input|list-handler-run|register|registry|request|reply|runtime|stage-body|strict)|\/registered\.ts$/

export function apiPage(sources: Declarations): string {
  const shown = new Set<string>()
  const sections = doors().map((door) => section(sources, door, shown))
  return [
    '# API',
    '',
    'Everything that the package exports, door by door; importing a door loads no more than it needs.',
    'How it is used stands in [the guides](../README.md). This page is made from the sources; a test',
    'keeps it so.',
    '',
    ...doors().map(({ name }) => `- [\`${name}\`](#${name.replace('/', '')})`),
    '- [shapes that these name](#shapes-that-these-name)',
    ...sections.flat(),
    '',
    '## Shapes that these name',
    '',
    'They have no door: hand over a value of that shape, or derive the type.',
    '',
    '```ts',
    shapes(sources)
      .map((shape) => `${comment(shape.doc)}${shape.text}`)
      .join('\n\n'),
    '```',
    '',
  ].join('\n')
}

function section(sources: Declarations, { name, file }: Door, shown: Set<string>): string[] {
  const about = (sources.get(file)?.header ?? '').replace(/^`[^`]+`: /, '').replaceAll('\n', ' ')
  const all = [...exportsOf(sources, file)].sort(byKindAndName)
  const known = all.filter((each) => shown.has(idOf(each)))
  const fresh = all.filter((each) => !shown.has(idOf(each)))
  for (const each of fresh) shown.add(idOf(each))
  const short = fresh.filter(isShort)
  return [
    '',
    `## ${name}`,
    '',
    `${about.charAt(0).toUpperCase()}${about.slice(1)}`,
    ...(short.length > 0 ? ['', ...short.map(bullet)] : []),
    ...(known.length > 0
      ? ['', `Also: ${known.map((each) => `\`${each.name}\``).join(', ')}.`]
      : []),
    ...fresh.filter((each) => !isShort(each)).flatMap(entry),
  ]
}

function idOf({ file, name }: Declaration): string {
  return `${file} ${name}`
}

/** What runs comes first. */
function byKindAndName(left: Declaration, right: Declaration): number {
  if (left.isType !== right.isType) return left.isType ? 1 : -1
  return left.name < right.name ? -1 : 1
}

const SHORT_LENGTH_MAX = 90

function isShort({ text }: Declaration): boolean {
  return text.length <= SHORT_LENGTH_MAX && !text.includes('\n')
}

function bullet({ text, doc }: Declaration): string {
  const code = text.replace(/;$/, '')
  const quoted = code.includes('`') ? `\`\` ${code} \`\`` : `\`${code}\``
  return `- ${quoted}: ${prose(doc).join(' ')}`
}

function entry(declaration: Declaration): readonly string[] {
  const { name, doc, text } = declaration
  return ['', `### ${name}`, '', ...prose(doc), '', '```ts', text, '```']
}

/** Docstrings are Markdown but for a bare `<`. */
function prose(doc: string): readonly string[] {
  return doc
    .split('\n')
    .map((line) => line.replaceAll(/`[^`]*`|</g, (part) => (part === '<' ? '&lt;' : part)))
}

function comment(doc: string): string {
  if (doc === '') return ''
  const lines = doc.split('\n')
  return lines.length === 1
    ? `/** ${doc} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`
}

/** What erases types for the executor (`AnyJobHandler`) says nothing to others. */
function isInside({ name, file, isType }: Declaration): boolean {
  return !isType || name.startsWith('Any') || INSIDE.test(file)
}

/** What exported declarations name and no door exports, and what that names. */
function shapes(sources: Declarations): readonly Declaration[] {
  const queue = doors().flatMap(({ file }) => exportsOf(sources, file))
  const seen = new Set(queue.map(idOf))
  const found: Declaration[] = []
  for (let from = queue.shift(); from !== undefined; from = queue.shift()) {
    for (const name of from.names) {
      const shape = resolve(sources, from.file, name)
      if (shape === undefined || seen.has(idOf(shape)) || isInside(shape)) continue
      seen.add(idOf(shape))
      found.push(shape)
      queue.push(shape)
    }
  }
  return found.sort((left, right) => (left.name < right.name ? -1 : 1))
}

if (import.meta.main) writeFileSync(join(root, API_PAGE), apiPage(emitDeclarations()))
