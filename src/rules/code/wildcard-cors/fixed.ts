const ORIGINS = new Set(['https://app.example', 'https://admin.example'])

/** Compared whole: no prefix, no suffix, no regular expression. */
export function corsHeaders(origin: string): Record<string, string> {
  if (!ORIGINS.has(origin)) return { vary: 'Origin' }
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    vary: 'Origin',
  }
}
