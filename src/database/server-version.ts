import { HoldfastError } from '../base/fault.ts'

/** The oldest Postgres that is tested; `server_version_num` of its first release. */
export const SERVER_VERSION_MIN = 150_000

/**
 * Refuses a server that is too old.
 * @param versionNum `server_version_num`, such as 180004 for 18.4
 */
export function assertSupportedVersion(versionNum: number): void {
  if (versionNum >= SERVER_VERSION_MIN) return
  const version = Number.isFinite(versionNum) ? Math.floor(versionNum / 10_000) : 'unknown'
  throw new HoldfastError(
    'HF_SERVER_TOO_OLD',
    `The Postgres server has version ${version}; the oldest supported is 15.`,
    { facts: { versionNum } },
  )
}

/** What of a client this needs: any `pg` client or pool fits. */
export interface VersionSource {
  query(text: string): Promise<{ rows: { server_version_num?: string }[] }>
}

/** Asks the server for its version and refuses one that is too old. */
export async function readSupportedVersion(source: VersionSource): Promise<number> {
  const { rows } = await source.query('SHOW server_version_num')
  const versionNum = Number(rows[0]?.server_version_num)
  assertSupportedVersion(versionNum)
  return versionNum
}
