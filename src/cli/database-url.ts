import { HoldfastError } from '../base/fault.ts'
import type { Terminal } from './command.ts'

/**
 * Runs `work` with the URL of a direct connection: DATABASE_DIRECT_URL, or DATABASE_URL, or, while
 * developing, that of the project's embedded server, which stays up as long as somebody uses it.
 */
export async function withDatabaseUrl<T>(
  { env, cwd, err }: Terminal,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const name = env.DATABASE_DIRECT_URL ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL'
  const url = env[name]
  if (url) return work(checkDatabaseUrl(name, url))
  if (isProduction(env)) {
    throw new HoldfastError('HF_CONFIG_INVALID', 'DATABASE_URL is missing.')
  }
  // Only who has no server of his own pays for loading it.
  const { startEmbeddedPostgres } = await import('../database/embedded/embedded-postgres.ts')
  const server = await startEmbeddedPostgres({ projectDir: cwd, notify: err })
  try {
    return await work(server.url())
  } finally {
    await server.stop()
  }
}

export function isProduction(env: Terminal['env']): boolean {
  return (env.HOLDFAST_ENV || env.NODE_ENV) === 'production'
}

/** @param name of the setting, for the message; the value may hold a password. */
export function checkDatabaseUrl(name: string, value: string): string {
  const url = URL.parse(value)
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol)) return value
  throw new HoldfastError(
    'HF_CONFIG_INVALID',
    `${name} must be a Postgres URL (the value given is not shown). Example: ${name}=postgres://app:password@localhost:5432/shop`,
  )
}
