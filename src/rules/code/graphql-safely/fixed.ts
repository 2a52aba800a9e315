const DEPTH_MAX = 6
const TOKENS_MAX = 1_000

/** Refused before anything is resolved; lists are loaded in batches, per request. */
export function isAllowed(query: string): boolean {
  if ((query.match(/[\w{}():!$]+/g)?.length ?? 0) > TOKENS_MAX) return false
  let depth = 0
  for (const char of query) {
    if (char === '{') depth += 1
    if (char === '}') depth -= 1
    if (depth > DEPTH_MAX) return false
  }
  return true
}
