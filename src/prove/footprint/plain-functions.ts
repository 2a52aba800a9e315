/**
 * Which functions of the user touch nothing but what they are given: no table, no sequence, no
 * setting that they would change, and no function that is not known to be as harmless.
 *
 * Their bodies are searched for words, without reading the grammar: a word that only looks as if it
 * touched something makes a function opaque, and that errs on the safe side.
 */
import type { FunctionRow } from './store.ts'

const TOUCHES =
  /^(?:from|into|table|insert|update|delete|merge|perform|execute|call|do|truncate|copy|lock|notify|listen|create|alter|drop|grant|set|set_config|nextval|setval|currval|lastval|dblink\w*|pg_(?!catalog$)\w+|txid_\w+|lo_\w+|query_to_xml\w*|table_to_xml\w*|cursor\w*)$/
const LANGUAGES = new Set(['sql', 'plpgsql'])

export function plainFunctions(functions: readonly FunctionRow[]): ReadonlySet<number> {
  let plain = functions.filter(isHarmless)
  for (;;) {
    const opaque = new Set(functions.filter((one) => !plain.includes(one)).map(({ name }) => name))
    const left = plain.filter(({ body }) => !wordsOf(body).some((word) => opaque.has(word)))
    if (left.length === plain.length) return new Set(plain.map(({ oid }) => oid))
    plain = left
  }
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
