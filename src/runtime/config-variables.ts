/** Every variable that Holdfast reads: what it accepts, its default, and why. */
import { z } from 'zod'

export interface Variable {
  readonly schema: z.ZodType
  /** What is accepted, as it completes the sentence "must be ...". */
  readonly expects: string
  /** The default as the reference shows it; undefined where there is none. */
  readonly otherwise?: string | undefined
  readonly example: string
  /** What it is for, and why the default and the bounds are what they are. */
  readonly because: string
  /** Its value is never shown. */
  readonly secret?: boolean
}

type Kind = Pick<Variable, 'schema' | 'expects' | 'otherwise' | 'secret'>

const PORT_MAX = 65_535
const MINUTE_MS = 60_000
const MIB = 1024 * 1024

/** `otherwise` is undefined where the default depends on other variables. */
function integer(what: string, min: number, max: number, otherwise?: number): Kind {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
  const expects = `${what} from ${min} to ${max}`
  if (otherwise === undefined) return { schema: schema.optional(), expects }
  return { schema: schema.default(otherwise), expects, otherwise: `${otherwise}` }
}

const count = 'a whole number'
const milliseconds = 'milliseconds'

function choice(values: readonly string[]): Kind {
  return { schema: z.enum(values).optional(), expects: `one of ${values.join(', ')}` }
}

function text(pattern: RegExp, expects: string, otherwise?: string): Kind {
  const schema = z.string().regex(pattern)
  if (otherwise === undefined) return { schema: schema.optional(), expects }
  return { schema: schema.default(otherwise), expects, otherwise }
}

const flag: Kind = {
  schema: z
    .enum(['true', 'false', '1', '0'])
    .default('false')
    .transform((value) => value === 'true' || value === '1'),
  expects: 'true or false',
  otherwise: 'false',
}

const origins: Kind = {
  schema: z
    .string()
    .default('')
    .transform((list) =>
      list
        .split(',')
        .map((origin) => origin.trim())
        .filter(Boolean),
    )
    .pipe(z.array(z.string().refine(isOrigin))),
  expects: 'a comma-separated list of origins such as https://shop.example, without path or *',
}

const databaseUrl: Kind = {
  schema: z.string().refine(isPostgresUrl).optional(),
  expects: 'a Postgres URL with host and database',
  secret: true,
}

function isPostgresUrl(value: string): boolean {
  const url = URL.parse(value)
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value && /^https?:/.test(value)
}

const host = text(/^[A-Za-z0-9_.:-]+$/, 'a host name or address', '127.0.0.1')
const databaseExample = 'postgres://app:password@localhost:5432/shop'

/** Names as HTTP has them; values that are printable ASCII when they have been decoded. */
const OTLP_HEADER = String.raw`[\w!#$%&'*+.^\x60|~-]+=(?:[!-$&-+\--~]|%[2-6][\dA-Fa-f]|%7[\dA-Ea-e])*`
const OTLP_HEADERS = new RegExp(`^${OTLP_HEADER}(?:,${OTLP_HEADER})*$`)

export const variables = {
  HOLDFAST_ENV: {
    ...choice(['development', 'test', 'production']),
    example: 'production',
    because:
      'Where this process runs. Without it NODE_ENV decides, and without that it is development.',
  },
  DATABASE_URL: {
    ...databaseUrl,
    example: databaseExample,
    because:
      'The Postgres server. Required in production; elsewhere an embedded server is used without it.',
  },
  DATABASE_DIRECT_URL: {
    ...databaseUrl,
    example: databaseExample,
    because:
      'For LISTEN, migrations and start-up locks, which a transaction pooler cannot serve. DATABASE_URL unless it is set.',
  },
  DATABASE_CONNECTIONS_MAX: {
    ...integer(count, 2, 1000, 16),
    example: '16',
    because:
      'Connections for requests. A Postgres server does its best work with few: two to four for each of its cores, over all processes.',
  },
  HOST: {
    ...host,
    example: '0.0.0.0',
    because: 'Where the API listens. The loopback until it is opened on purpose.',
  },
  PORT: {
    ...integer('a port', 0, PORT_MAX, 3000),
    example: '3000',
    because: '0 takes a free one.',
  },
  ADMIN_HOST: {
    ...host,
    example: '127.0.0.1',
    because: 'Where documentation, metrics and health in detail are served; not for the public.',
  },
  ADMIN_PORT: {
    ...integer('a port', 0, PORT_MAX, 3001),
    example: '3001',
    because: '0 takes a free one. Must differ from PORT.',
  },
  PUBLIC_URL: {
    ...text(
      /^https?:\/\/[^\s/?#]+(?:\/[^\s?#]*[^\s?#/])?$/,
      'a URL without query or trailing slash',
    ),
    example: 'https://api.shop.example',
    because: 'How callers reach the API: links to next pages and the description begin with it.',
  },
  LOG_LEVEL: {
    ...choice(['debug', 'info', 'warn', 'error', 'silent']),
    example: 'info',
    because: 'info in production, else debug, which shows every request.',
  },
  LOG_FORMAT: {
    ...choice(['json', 'pretty']),
    example: 'json',
    because: 'json in production, else one line for a person.',
  },
  HTTP_BODY_BYTES_MAX: {
    ...integer('bytes', 1024, 64 * MIB, MIB),
    example: String(MIB),
    because: 'A body is held in memory whole; larger input belongs in a file.',
  },
  HTTP_HEADER_BYTES_MAX: {
    ...integer('bytes', 4096, 65_536, 16_384),
    example: '16384',
    because: 'All headers and the target together; what proxies accept as well.',
  },
  HTTP_CONNECTIONS_MAX: {
    ...integer(count, 1, 1_000_000, 10_000),
    example: '10000',
    because: 'A connection costs a descriptor and some memory; more are closed at once.',
  },
  HTTP_IN_FLIGHT_MAX: {
    ...integer(count, 1, 100_000, 1000),
    example: '1000',
    because:
      'Requests under way; more are refused with 503 before their body is read, because waiting behind so many would outlast most deadlines.',
  },
  HTTP_REQUESTS_PER_CONNECTION_MAX: {
    ...integer(count, 1, 1_000_000_000, 100_000),
    example: '100000',
    because: 'Then the connection ends, so that load spreads to processes that have started since.',
  },
  HTTP_RECEIVE_TIMEOUT_MS: {
    ...integer(milliseconds, 1000, 10 * MINUTE_MS, 30_000),
    example: '30000',
    because: 'For a whole request to arrive; a slow sender holds a connection for no longer.',
  },
  HTTP_HEADERS_TIMEOUT_MS: {
    ...integer(milliseconds, 1000, MINUTE_MS, 10_000),
    example: '10000',
    because: 'For the headers to arrive; part of the time for the whole request.',
  },
  HTTP_KEEP_ALIVE_TIMEOUT_MS: {
    ...integer(milliseconds, 1000, 10 * MINUTE_MS, 72_000),
    example: '72000',
    because:
      'For an idle connection. Longer than the 60 s after which common load balancers drop theirs: who closes first must be the one who sends.',
  },
  REQUEST_TIMEOUT_MS: {
    ...integer(milliseconds, 10, 10 * MINUTE_MS, 10_000),
    example: '10000',
    because:
      'The deadline of an operation where neither the caller nor its handler sets one; statements are cancelled at it.',
  },
  REQUEST_TIMEOUT_MAX_MS: {
    ...integer(milliseconds, 10, 10 * MINUTE_MS, MINUTE_MS),
    example: '60000',
    because: 'The most that a caller may ask for with Request-Timeout.',
  },
  TRUSTED_PROXIES: {
    ...integer(count, 0, 10, 0),
    example: '1',
    because:
      'How many proxies in front append to X-Forwarded-For. At 0 the header is not read: anybody can send it.',
  },
  BEHIND_TLS: {
    ...flag,
    example: 'true',
    because: 'TLS ends in front of this process: browsers are told to insist on it (HSTS).',
  },
  CORS_ORIGINS: {
    ...origins,
    example: 'https://shop.example',
    because: 'Origins whose pages may call from a browser; none by default.',
  },
  SHUTDOWN_LEAD_MS: {
    ...integer(milliseconds, 0, 2 * MINUTE_MS),
    example: '5000',
    because:
      'Readiness fails for so long before connections are refused, so that load balancers notice. 5000 in production, else 0.',
  },
  SHUTDOWN_DRAIN_MS: {
    ...integer(milliseconds, 0, 10 * MINUTE_MS, 20_000),
    example: '20000',
    because:
      'Requests and jobs under way have so long to end; with the lead time it stays below the 30 s that orchestrators commonly wait.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    ...text(/^https?:\/\/[^\s?#]+[^\s?#/]$/, 'a URL without query or trailing slash'),
    example: 'http://127.0.0.1:4318',
    because:
      'An OpenTelemetry collector: traces are sent to its /v1/traces, by a thread of their own.',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    ...text(OTLP_HEADERS, 'name=value pairs with commas between them, values percent-encoded'),
    secret: true,
    example: 'authorization=Bearer%20token',
    because: 'Sent to the collector with each request; values are percent-encoded.',
  },
  OTEL_SERVICE_NAME: {
    ...text(
      /^[\w.-]{1,100}$/,
      'a name of letters, digits, dots, dashes and underscores',
      'holdfast',
    ),
    example: 'shop-api',
    because: 'How traces name this process.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    ...text(/^(?:0(?:\.\d{1,6})?|1(?:\.0)?)$/, 'a part from 0 to 1', '1'),
    example: '0.1',
    because:
      'Which part of the traces that begin here is recorded. The decision of a caller is kept, so that a trace is whole or absent.',
  },
  SIGNING_SECRET: {
    ...text(/^.{32,512}$/, '32 to 512 characters'),
    secret: true,
    example: 'the output of: openssl rand -base64 32',
    because:
      'Signs cursors. Required in production, the same for all processes; elsewhere one is made at start.',
  },
} as const satisfies Record<string, Variable>

export type VariableName = keyof typeof variables

/** The reference page, in Markdown. */
export function configReference(): string {
  const sections = Object.entries(variables).map(([name, variable]: [string, Variable]) => {
    const otherwise = variable.otherwise === undefined ? '' : ` Default: \`${variable.otherwise}\`.`
    const secret = variable.secret ? ' A secret: never printed.' : ''
    const accepts = `${variable.expects.charAt(0).toUpperCase()}${variable.expects.slice(1)}`
    return `## ${name}\n\n${accepts}.${otherwise}${secret} Example: \`${variable.example}\`.\n\n${variable.because}\n`
  })
  return `${introduction}\n${sections.join('\n')}`
}

const introduction = `# Configuration

Read from the environment at start, all at once: what is wrong is told in one message and the
process ends with code 2. An empty variable counts as unset. Unknown names that begin with
\`HOLDFAST_\` are refused. This page is made from the variables themselves; a test keeps it so.
`
