import { closest, didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import { type Variable, type VariableName, variables } from './config-variables.ts'
import { Secret } from './secret.ts'

export type Environment = 'development' | 'test' | 'production'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/**
 * The configuration of a process, read and checked by `loadConfig`; docs/reference/configuration.md
 * names the variables.
 */
export interface Config {
  readonly environment: Environment
  readonly database: DatabaseConfig
  readonly http: HttpConfig
  readonly admin: { readonly host: string; readonly port: number }
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'pretty' }
  readonly shutdown: ShutdownConfig
  readonly telemetry: TelemetryConfig
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

export interface TelemetryConfig {
  /** Base URL of an OTLP collector over HTTP; traces are exported where it is given. */
  readonly otlpEndpoint?: string
  readonly otlpHeaders?: Secret
  readonly serviceName: string
  /** Of traces that begin here; a caller's own decision is kept. */
  readonly sampledRatio: number
}

export interface ShutdownConfig {
  /** Readiness fails this long before new connections are refused. */
  readonly leadMs: number
  /** Requests and jobs under way have this long to end. */
  readonly drainMs: number
}

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
    telemetry: telemetryConfig(values),
    ...(signing === undefined ? {} : { signingSecret: new Secret(signing) }),
  }
}

function telemetryConfig(values: Values): TelemetryConfig {
  const endpoint = values.OTEL_EXPORTER_OTLP_ENDPOINT as string | undefined
  const headers = values.OTEL_EXPORTER_OTLP_HEADERS as string | undefined
  return {
    ...(endpoint === undefined ? {} : { otlpEndpoint: endpoint }),
    ...(headers === undefined ? {} : { otlpHeaders: new Secret(headers) }),
    serviceName: values.OTEL_SERVICE_NAME as string,
    sampledRatio: Number(values.OTEL_TRACES_SAMPLER_ARG),
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
