/** The login role of an app, and databases that it owns. Everything here runs as a superuser. */
import pg from 'pg'
import { HoldfastError } from '../../base/fault.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** CREATE DATABASE copies some megabytes; behind a busy disk it may take seconds. */
const STATEMENT_TIMEOUT_MS = 60_000
/** Any number that is the same everywhere: role DDL of two processes would collide otherwise. */
const ROLE_LOCK_KEY = 7_261_501

/** The roles that migrations of the framework make: whoever logs in as an app must be able to grant them. */
const BACKUP_ROLE = 'holdfast_backup'
const FRAMEWORK_ROLES = ['holdfast_app', 'holdfast_loops', BACKUP_ROLE]

/** A short-lived connection as superuser. */
export async function withAdmin<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'holdfast-admin',
  })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    throw new HoldfastError('HF_DATABASE_UNAVAILABLE', `Cannot connect: ${String(cause)}.`, {
      cause,
    })
  }
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export interface LoginRole {
  readonly name: string
  readonly password: string
}

/** Makes the role as the app needs it: no superuser, bound by row level security. Idempotent. */
export async function ensureLoginRole(
  client: pg.Client,
  { name, password }: LoginRole,
): Promise<void> {
  const role = client.escapeIdentifier(name)
  const attributes = `LOGIN NOSUPERUSER CREATEROLE CREATEDB NOBYPASSRLS PASSWORD ${client.escapeLiteral(password)}`
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [ROLE_LOCK_KEY])
    const { rows } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name])
    await client.query(`${rows.length === 0 ? 'CREATE' : 'ALTER'} ROLE ${role} ${attributes}`)
    const others = await client.query<{ rolname: string }>(
      'SELECT rolname FROM pg_roles WHERE rolname = ANY($1)',
      [FRAMEWORK_ROLES],
    )
    const inheriting = await inheritsByMembership(client)
    for (const { rolname } of others.rows) {
      const granted = client.escapeIdentifier(rolname)
      // Inherited, the backup role's policies would show every tenant to a bare statement.
      if (!inheriting)
        await client.query(`GRANT ${granted} TO ${role} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE`)
      else if (rolname !== BACKUP_ROLE)
        await client.query(`GRANT ${granted} TO ${role} WITH ADMIN OPTION`)
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** Before PostgreSQL 16 a member always inherits, unless the whole role is NOINHERIT. */
async function inheritsByMembership(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  )
  return (rows[0]?.version ?? 0) < 160_000
}

const DUPLICATE_DATABASE = '42P04'
const UNIQUE_VIOLATION = '23505'

/** Makes the database unless it is there; two callers at once both succeed. */
export async function ensureDatabaseOn(
  client: pg.Client,
  name: string,
  owner: string,
): Promise<void> {
  const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
  if (rows.length > 0) return
  try {
    await client.query(
      `CREATE DATABASE ${client.escapeIdentifier(name)} OWNER ${client.escapeIdentifier(owner)}`,
    )
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== DUPLICATE_DATABASE && code !== UNIQUE_VIOLATION) throw error
  }
}
