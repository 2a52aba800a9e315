import { z } from 'zod'
import { closest, didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { Secret } from './secret.ts'

export type Environment = 'development' | 'test' | 'production'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface Config {
  readonly environment: Environment
  readonly database: DatabaseConfig
  readonly http: HttpConfig
  readonly admin: { readonly host: string; readonly port: number }
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'pretty' }
  readonly shutdown: ShutdownConfig
  /** Signs cursors; absent only in development and test, where one is made at start. */
  readonly signingSecret?: Secret
}

export interface DatabaseConfig {
  /** Absent only in development and test: the embedded server is used. */
  readonly url?: Secret
  /** For LISTEN, migrations and start-up locks; `url` unless it goes through a pooler. */
  readonly directUrl?: Secret
  readonly connectionsMax: number
}

export interface HttpConfig {
  readonly host: string
  readonly port: number
  /** Public base of absolute links, without a trailing slash; derived from Host where absent. */
  readonly publicUrl?: string
  readonly bodyBytesMax: number
  readonly headerBytesMax: number
  readonly connectionsMax: number
  readonly inFlightMax: number
  readonly requestsPerConnectionMax: number
  /** Time for the whole request to arrive. */
  readonly receiveTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** Time an operation has where the caller asks for none. */
  readonly requestTimeoutMs: number
  /** The most a caller may ask for with Request-Timeout. */
  readonly requestTimeoutMaxMs: number
  /** How many proxies in front append to X-Forwarded-For; 0: the header is not read. */
  readonly trustedProxies: number
  /** TLS ends in front of this process: HSTS is sent. */
  readonly behindTls: boolean
  /** Origins that browsers may call from; none by default. */
  readonly corsOrigins: readonly string[]
}

export interface ShutdownConfig {
  /** Readiness fails this long before new connections are refused. */
  readonly leadMs: number
  /** Requests and jobs under way have this long to end. */
  readonly drainMs: number
}

interface Variable {
  readonly schema: z.ZodType
  /** What is accepted, as it completes the sentence "must be ...". */
  readonly expects: string
  readonly example: string
  /** Its value is never shown. */
  readonly secret?: boolean
}

const PORT_MAX = 65_535
const MINUTE_MS = 60_000
const MIB = 1024 * 1024

/** `otherwise` is undefined where the default depends on other variables. */
function integer(
  min: number,
  max: number,
  otherwise: number | undefined,
  what: string,
): Omit<Variable, 'example'> {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
  return {
    schema: otherwise === undefined ? schema.optional() : schema.default(otherwise),
    expects: `${what} from ${min} to ${max}`,
  }
}

function choice(values: readonly string[]): Omit<Variable, 'example'> {
  return { schema: z.enum(values).optional(), expects: `one of ${values.join(', ')}` }
}

function text(pattern: RegExp, expects: string, otherwise?: string): Omit<Variable, 'example'> {
  const schema = z.string().regex(pattern)
  return {
    schema: otherwise === undefined ? schema.optional() : schema.default(otherwise),
    expects,
  }
}

const flag: Omit<Variable, 'example'> = {
  schema: z
    .enum(['true', 'false', '1', '0'])
    .default('false')
    .transform((value) => value === 'true' || value === '1'),
  expects: 'true or false',
}

const origins: Omit<Variable, 'example'> = {
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

const databaseUrl: Omit<Variable, 'example'> = {
  schema: z.string().refine(isPostgresUrl).optional(),
  expects: 'a Postgres URL with host and database',
  secret: true,
}

const HOST = /^[A-Za-z0-9_.:-]+$/
const databaseExample = 'postgres://app:password@localhost:5432/shop'

/** Each bound has its reason in the reference page of the configuration. */
const variables = {
  HOLDFAST_ENV: { ...choice(['development', 'test', 'production']), example: 'production' },
  DATABASE_URL: { ...databaseUrl, example: databaseExample },
  DATABASE_DIRECT_URL: { ...databaseUrl, example: databaseExample },
  DATABASE_CONNECTIONS_MAX: { ...integer(2, 1000, 16, 'a whole number'), example: '16' },
  HOST: { ...text(HOST, 'a host name or address', '127.0.0.1'), example: '0.0.0.0' },
  PORT: { ...integer(0, PORT_MAX, 3000, 'a port'), example: '3000' },
  ADMIN_HOST: { ...text(HOST, 'a host name or address', '127.0.0.1'), example: '127.0.0.1' },
  ADMIN_PORT: { ...integer(0, PORT_MAX, 3001, 'a port'), example: '3001' },
  PUBLIC_URL: {
    ...text(
      /^https?:\/\/[^\s/?#]+(?:\/[^\s?#]*[^\s?#/])?$/,
      'a URL without query or trailing slash',
    ),
    example: 'https://api.shop.example',
  },
  LOG_LEVEL: { ...choice(['debug', 'info', 'warn', 'error', 'silent']), example: 'info' },
  LOG_FORMAT: { ...choice(['json', 'pretty']), example: 'json' },
  HTTP_BODY_BYTES_MAX: { ...integer(1024, 64 * MIB, MIB, 'bytes'), example: String(MIB) },
  HTTP_HEADER_BYTES_MAX: { ...integer(4096, 65_536, 16_384, 'bytes'), example: '16384' },
  HTTP_CONNECTIONS_MAX: { ...integer(1, 1_000_000, 10_000, 'a whole number'), example: '10000' },
  HTTP_IN_FLIGHT_MAX: { ...integer(1, 100_000, 1000, 'a whole number'), example: '1000' },
  HTTP_REQUESTS_PER_CONNECTION_MAX: {
    ...integer(1, 1_000_000_000, 100_000, 'a whole number'),
    example: '100000',
  },
  HTTP_RECEIVE_TIMEOUT_MS: {
    ...integer(1000, 10 * MINUTE_MS, 30_000, 'milliseconds'),
    example: '30000',
  },
  HTTP_HEADERS_TIMEOUT_MS: {
    ...integer(1000, MINUTE_MS, 10_000, 'milliseconds'),
    example: '10000',
  },
  HTTP_KEEP_ALIVE_TIMEOUT_MS: {
    ...integer(1000, 10 * MINUTE_MS, 72_000, 'milliseconds'),
    example: '72000',
  },
  REQUEST_TIMEOUT_MS: { ...integer(10, 10 * MINUTE_MS, 10_000, 'milliseconds'), example: '10000' },
  REQUEST_TIMEOUT_MAX_MS: {
    ...integer(10, 10 * MINUTE_MS, MINUTE_MS, 'milliseconds'),
    example: '60000',
  },
  TRUSTED_PROXIES: { ...integer(0, 10, 0, 'a whole number'), example: '1' },
  BEHIND_TLS: { ...flag, example: 'true' },
  CORS_ORIGINS: { ...origins, example: 'https://shop.example' },
  SHUTDOWN_LEAD_MS: { ...integer(0, 2 * MINUTE_MS, undefined, 'milliseconds'), example: '5000' },
  SHUTDOWN_DRAIN_MS: { ...integer(0, 10 * MINUTE_MS, 20_000, 'milliseconds'), example: '20000' },
  SIGNING_SECRET: {
    ...text(/^.{32,512}$/, '32 to 512 characters'),
    example: 'the output of: openssl rand -base64 32',
    secret: true,
  },
} as const satisfies Record<string, Variable>

type VariableName = keyof typeof variables
type Environ = Readonly<Record<string, string | undefined>>
type Values = Record<VariableName, unknown>

/**
 * The configuration of the process from its environment. An empty variable counts as unset.
 * Throws HF_CONFIG_INVALID with one line for each thing that is wrong; no secret stands in it.
 */
export function loadConfig(env: Environ): Config {
  const given = (name: string) => env[name] || undefined
  const problems: string[] = []
  const values = {} as Values
  for (const name of Object.keys(variables) as VariableName[]) {
    const result = variables[name].schema.safeParse(given(name))
    if (result.success) values[name] = result.data
    else problems.push(wrongValue(name, given(name) as string))
  }
  const environment = environmentOf(values, given('NODE_ENV'))
  problems.push(...missing(environment, env), ...contradictions(values), ...unknown(env))
  if (problems.length > 0) throw invalid(problems)
  return toConfig(environment, values)
}

function invalid(problems: readonly string[]): HoldfastError {
  const list = problems.map((problem) => `\n  - ${problem}`).join('')
  return new HoldfastError('HF_CONFIG_INVALID', `The configuration is wrong:${list}\n`)
}

function wrongValue(name: VariableName, value: string): string {
  const variable: Variable = variables[name]
  const got = variable.secret ? 'the value given is not shown' : `got ${JSON.stringify(value)}`
  return `${name} must be ${variable.expects} (${got}). Example: ${name}=${variable.example}`
}

function environmentOf(values: Values, nodeEnv: string | undefined): Environment {
  const declared = values.HOLDFAST_ENV as Environment | undefined
  if (declared !== undefined) return declared
  return nodeEnv === 'production' || nodeEnv === 'test' ? nodeEnv : 'development'
}

const requiredInProduction = ['DATABASE_URL', 'SIGNING_SECRET'] as const

function missing(environment: Environment, env: Environ): string[] {
  if (environment !== 'production') return []
  return requiredInProduction
    .filter((name) => !env[name])
    .map((name) => {
      const strangers = Object.keys(env).filter((other) => env[other] && !(other in variables))
      const near = closest(name, strangers)
      const hint = near === undefined ? '' : ` Did you mean it by ${near}, which is set?`
      const { expects, example }: Variable = variables[name]
      return `${name} is missing; in production it must be ${expects}.${hint} Example: ${name}=${example}`
    })
}

function contradictions(values: Values): string[] {
  const wrong: string[] = []
  const atLeast = (larger: VariableName, smaller: VariableName, why: string) => {
    if ((values[larger] as number) < (values[smaller] as number))
      wrong.push(`${larger} must not be less than ${smaller}: ${why}.`)
  }
  atLeast('REQUEST_TIMEOUT_MAX_MS', 'REQUEST_TIMEOUT_MS', 'the default would exceed the maximum')
  atLeast('HTTP_RECEIVE_TIMEOUT_MS', 'HTTP_HEADERS_TIMEOUT_MS', 'headers are part of the request')
  if (values.PORT === values.ADMIN_PORT && values.PORT !== 0 && values.PORT !== undefined)
    wrong.push('ADMIN_PORT must differ from PORT: the admin port is not for the public.')
  return wrong
}

/** A misspelt name of ours would be ignored in silence. */
function unknown(env: Environ): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('HOLDFAST_') && !(name in variables))
    .map(
      (name) =>
        `${name} is not known${didYouMean(name, Object.keys(variables))} Remove or correct it.`,
    )
}

function toConfig(environment: Environment, values: Values): Config {
  const production = environment === 'production'
  const at = <T>(name: VariableName) => values[name] as T
  const signing = at<string | undefined>('SIGNING_SECRET')
  return {
    environment,
    database: databaseConfig(values),
    http: httpConfig(values),
    admin: { host: at('ADMIN_HOST'), port: at('ADMIN_PORT') },
    log: {
      level: at<LogLevel | undefined>('LOG_LEVEL') ?? (production ? 'info' : 'debug'),
      format: at<'json' | 'pretty' | undefined>('LOG_FORMAT') ?? (production ? 'json' : 'pretty'),
    },
    shutdown: {
      leadMs: at<number | undefined>('SHUTDOWN_LEAD_MS') ?? (production ? 5000 : 0),
      drainMs: at('SHUTDOWN_DRAIN_MS'),
    },
    ...(signing === undefined ? {} : { signingSecret: new Secret(signing) }),
  }
}

function databaseConfig(values: Values): DatabaseConfig {
  const url = values.DATABASE_URL as string | undefined
  const direct = (values.DATABASE_DIRECT_URL as string | undefined) ?? url
  return {
    ...(url === undefined ? {} : { url: new Secret(url) }),
    ...(direct === undefined ? {} : { directUrl: new Secret(direct) }),
    connectionsMax: values.DATABASE_CONNECTIONS_MAX as number,
  }
}

function httpConfig(values: Values): HttpConfig {
  const at = <T>(name: VariableName) => values[name] as T
  const publicUrl = at<string | undefined>('PUBLIC_URL')
  return {
    host: at('HOST'),
    port: at('PORT'),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    bodyBytesMax: at('HTTP_BODY_BYTES_MAX'),
    headerBytesMax: at('HTTP_HEADER_BYTES_MAX'),
    connectionsMax: at('HTTP_CONNECTIONS_MAX'),
    inFlightMax: at('HTTP_IN_FLIGHT_MAX'),
    requestsPerConnectionMax: at('HTTP_REQUESTS_PER_CONNECTION_MAX'),
    receiveTimeoutMs: at('HTTP_RECEIVE_TIMEOUT_MS'),
    headersTimeoutMs: at('HTTP_HEADERS_TIMEOUT_MS'),
    keepAliveTimeoutMs: at('HTTP_KEEP_ALIVE_TIMEOUT_MS'),
    requestTimeoutMs: at('REQUEST_TIMEOUT_MS'),
    requestTimeoutMaxMs: at('REQUEST_TIMEOUT_MAX_MS'),
    trustedProxies: at('TRUSTED_PROXIES'),
    behindTls: at('BEHIND_TLS'),
    corsOrigins: at('CORS_ORIGINS'),
  }
}

function isPostgresUrl(value: string): boolean {
  const url = URL.parse(value)
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value && /^https?:/.test(value)
}
