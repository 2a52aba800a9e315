export interface SecurityOptions {
  /** TLS ends in front of this process: browsers are told to insist on it. */
  readonly behindTls: boolean
}

/** Two years, the minimum for preload lists; sub-domains are the owner's decision, not ours. */
const HSTS = 'max-age=63072000'

/** For replies that are data: nothing in them may be sniffed, framed, loaded or kept. */
export function apiHeaders(options: SecurityOptions): readonly string[] {
  return [
    'x-content-type-options',
    'nosniff',
    'content-security-policy',
    "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy',
    'no-referrer',
    ...(options.behindTls ? ['strict-transport-security', HSTS] : []),
  ]
}

/** For a page of our own: styles stand in the page, nothing comes from elsewhere. */
export const pageHeaders: readonly string[] = [
  'x-content-type-options',
  'nosniff',
  'content-security-policy',
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'referrer-policy',
  'no-referrer',
]
