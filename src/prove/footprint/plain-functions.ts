/**
 * Which functions of the user touch nothing but what they are given: no table, no sequence, no
 * setting that they would change, and no function that is not known to be as harmless.
 *
 * Their bodies are searched for words, without reading the grammar: a word that only looks as if it
 * touched something makes a function opaque, and that errs on the safe side.
 */
import type { FunctionRow } from './store.ts'

const TOUCHES = new RegExp(
  `^(?:${[
    'from|into|table|insert|update|delete|merge|truncate|copy|lock',
    'perform|execute|call|do|prepare|fetch|move|open|cursor\\w*',
    'create|alter|drop|grant|revoke|reassign|comment|security|import|load',
    'refresh|reindex|cluster|vacuum|analy[sz]e|checkpoint|explain|notify|listen|unlisten',
    'set|reset|discard|set_config|nextval|setval|currval|lastval',
    'dblink\\w*|pg_(?!catalog$)\\w+|txid_\\w+|lo_\\w+|lo(?:read|write)|ts_stat|ts_rewrite',
    '(?:query|table|schema|database)_to_xml\\w*',
  ].join('|')})$`,
)
const LANGUAGES = new Set(['sql', 'plpgsql'])

export function plainFunctions(functions: readonly FunctionRow[]): ReadonlySet<number> {
  let plain = functions.filter(isHarmless)
  for (;;) {
    const opaque = functions.filter((one) => !plain.includes(one)).map(({ name }) => name)
    const left = plain.filter(({ body }) => !callsOneOf(opaque, body))
    if (left.length === plain.length) return new Set(plain.map(({ oid }) => oid))
    plain = left
  }
}

/** A name that is no word is looked for as it stands. */
function callsOneOf(names: readonly string[], body: string): boolean {
  const words = new Set(wordsOf(body))
  const text = body.toLowerCase()
  return names
    .map((name) => name.toLowerCase())
    .some((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? words.has(name) : text.includes(name)))
}

function isHarmless({ language, body }: FunctionRow): boolean {
  // Escapes and dollar quotes could hide where a string ends.
  if (!LANGUAGES.has(language) || /\\|\$(?!\d)/.test(body)) return false
  return !wordsOf(body).some((word) => TOUCHES.test(word))
}

/** Nothing in a string is run, where there is no EXECUTE; beside comments it is not told where one ends. */
function wordsOf(body: string): string[] {
  const bare = /--|\/\*/.test(body) ? body : body.replaceAll(/'(?:[^']|'')*'/g, ' ')
  return bare.toLowerCase().match(/[a-z_][a-z0-9_]*/g) ?? []
}
