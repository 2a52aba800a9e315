import { assert } from '../../base/assert.ts'
import { HoldfastError } from '../../base/fault.ts'
import type { CatalogReader } from './catalog-reader.ts'

interface RoleFacts {
  readonly login: string
  readonly database: string
  readonly superuser: boolean
  readonly bypass: boolean
  /** The framework roles that are not there, and those that `login` may not switch to. */
  readonly absent: readonly string[]
  readonly barred: readonly string[]
}

/** What the loops and operations switch to. */
const ROLES = ['holdfast_app', 'holdfast_loops']

/**
 * Refuses a session whose login role no row policy would bind (HF_ROLE_UNSAFE), or that cannot
 * switch to the roles of operations and loops (HF_ROLE_MISSING). The message holds the SQL to run.
 */
export async function checkRole(client: CatalogReader): Promise<void> {
  const facts = await readFacts(client)
  if (facts.superuser || facts.bypass) throw unsafe(facts)
  if (facts.absent.length > 0) {
    const names = facts.absent.join(', ')
    throw new HoldfastError('HF_ROLE_MISSING', `Not in this cluster: ${names}. Migrate first.`)
  }
  if (facts.barred.length > 0) {
    const names = facts.barred.join(', ')
    throw new HoldfastError(
      'HF_ROLE_MISSING',
      `${facts.login} may not switch to ${names}. Let an administrator run:\n  GRANT ${names} TO ${quoted(facts.login)};\n`,
    )
  }
}

/** What `checkRole` would refuse the login role for; undefined where row policies bind it. */
export async function unsafeRole(client: CatalogReader): Promise<HoldfastError | undefined> {
  const facts = await readFacts(client)
  return facts.superuser || facts.bypass ? unsafe(facts) : undefined
}

async function readFacts(client: CatalogReader): Promise<RoleFacts> {
  // PostgreSQL 16 separates the right to SET ROLE from membership.
  const { rows } = await client.query<RoleFacts>(
    `SELECT r.rolname::text AS login, current_database()::text AS database,
         r.rolsuper AS superuser, r.rolbypassrls AS bypass, w.absent, w.barred
       FROM pg_catalog.pg_roles r
      CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(f.name) FILTER (WHERE t.oid IS NULL), '{}') AS absent,
          coalesce(array_agg(f.name) FILTER (WHERE NOT pg_has_role(r.oid, t.oid,
            CASE WHEN current_setting('server_version_num')::int >= 160000
                 THEN 'SET' ELSE 'MEMBER' END)), '{}') AS barred
          FROM unnest($1::text[]) AS f (name) LEFT JOIN pg_catalog.pg_roles t ON t.rolname = f.name
      ) w
      WHERE r.rolname = session_user`,
    [ROLES],
  )
  const facts = rows[0]
  assert(facts !== undefined, 'Bug: the session has no role')
  return facts
}

function unsafe({ login, database, superuser }: RoleFacts): HoldfastError {
  if (!superuser) {
    return new HoldfastError(
      'HF_ROLE_UNSAFE',
      `${login} has BYPASSRLS. Let an administrator run:\n  ALTER ROLE ${quoted(login)} NOBYPASSRLS;\n`,
    )
  }
  const sql = [
    `CREATE ROLE holdfast LOGIN CREATEROLE PASSWORD '...';`,
    `ALTER DATABASE ${quoted(database)} OWNER TO holdfast;`,
    `-- and for each table that ${login} made: ALTER TABLE ... OWNER TO holdfast;`,
  ]
  return new HoldfastError(
    'HF_ROLE_UNSAFE',
    `${login} is a superuser. Let it run this once, and log in as holdfast from then on:\n  ${sql.join('\n  ')}\n`,
  )
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
