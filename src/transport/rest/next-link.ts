import type { JsonSchema } from '../../base/schema.ts'
import { fieldsOf } from '../../operation/json-schema.ts'

const KEY = '"next_cursor":"'

export function isPage(outputSchema: JsonSchema): boolean {
  return fieldsOf(outputSchema).has('next_cursor')
}

/**
 * `Link` to the next page (RFC 8288 §3): the same request with the cursor of this reply; undefined
 * on the last page. `base` is empty, or the public URL without a slash at its end.
 */
export function nextLink(base: string, target: string, body: string): string | undefined {
  const cursor = cursorOf(body)
  if (cursor === undefined) return undefined
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  const query = question < 0 ? [] : target.slice(question + 1).split('&')
  const kept = query.filter((part) => part !== '' && !/^cursor(?:=|$)/.test(part))
  return `<${base}${path}?${[...kept, `cursor=${encodeURIComponent(cursor)}`].join('&')}>; rel="next"`
}

/**
 * Inside a JSON string quotes are escaped, so that the key is never found in a text of the data. A
 * cursor is base64url: nothing in it is escaped.
 */
function cursorOf(body: string): string | undefined {
  const at = body.lastIndexOf(KEY)
  if (at < 0) return undefined
  const start = at + KEY.length
  return body.slice(start, body.indexOf('"', start))
}
