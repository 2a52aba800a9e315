/**
 * Takes secrets out of texts: values that are known to be secret, wherever they turn up, and shapes
 * that give themselves away.
 */

const HIDDEN = '[redacted]'

/** Shorter values (`dev`, `true`, `5432`) would blank out half of every text. */
const SECRET_LENGTH_MIN = 8

const SECRET_NAME =
  /pass(?:word|wd|phrase)?|secret|token|api_?-?key|private_?-?key|credential|authorization|signature|salt|dsn|database_url/i

const SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}/g,
  /\bwhsec_[A-Za-z0-9+/=]{16,}/g,
  /\bhf_[a-z0-9]+_[A-Za-z0-9_-]{12,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_\w{20,}/g,
  /\bglpat-[\w-]{16,}/g,
  /\bnpm_[A-Za-z0-9]{20,}/g,
  /\bxox[abprs]-[\w-]{10,}/g,
  /\bAIza[\w-]{30,}/g,
  /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g,
  /\b[Bb]earer\s+[\w.~+/-]{8,}=*/g,
  /(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@'"`]{3,}(?=@)/g,
]

/** `password: 'geheim123'`, `API_KEY="..."`: the value behind a name that says what it is. */
const NAMED =
  /\b([\w.-]*(?:password|passwd|secret|token|api_?-?key|private_?-?key|credential)[\w.-]*["']?\s*[:=]\s*)(["'`])((?:(?!\2)[^\\\n]|\\.){6,})\2/gi

/** @param known Pairs of name and value, as in an environment; only names that say "secret" count. */
export function createRedactor(
  known: Iterable<readonly [name: string, value: string | undefined]>,
): (text: string) => string {
  const values = [...known].flatMap(([name, value]) =>
    value !== undefined && SECRET_NAME.test(name) ? secretsIn(value) : [],
  )
  // The longest first: one secret may begin with another.
  const secrets = [...new Set(values)].sort((left, right) => right.length - left.length)
  return (text) => {
    const open = secrets.reduce((left, secret) => left.replaceAll(secret, HIDDEN), text)
    const shaped = SHAPES.reduce((left, shape) => left.replace(shape, HIDDEN), open)
    return shaped.replace(NAMED, (_, name: string, quote: string) => name + quote + HIDDEN + quote)
  }
}

/** Of a URL only its password is secret; the rest is needed to understand a message. */
function secretsIn(value: string): readonly string[] {
  const password = URL.parse(value)?.password
  const parts = password === undefined ? [value] : [password, decoded(password)]
  return parts.filter((part) => part.length >= SECRET_LENGTH_MIN)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/gm

/** Names and values of an environment file; quotes around a value are dropped. */
export function* environmentOf(text: string): Generator<readonly [name: string, value: string]> {
  for (const [, name = '', value = ''] of text.matchAll(LINE))
    yield [name, value.replace(/^(["'])(.*)\1$/, '$2')]
}
