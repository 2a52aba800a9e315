/**
 * What every new connection is asked, once, before its first use: which server this is, whether a
 * pooler stands between, and whether several statements under one Sync come back.
 */
import type { PoolClient } from 'pg'
import { HoldfastError } from '../base/fault.ts'
import { Batch } from './batch.ts'
import type { Capabilities } from './connection.ts'
import { assertSupportedVersion } from './server-version.ts'
import type { Rows, Statement } from './statement.ts'

/** Poolers that cannot pipeline do not answer at all: longer than any sane round trip. */
const PROBE_TIMEOUT_MS = 2_000

const VERSION: Statement = {
  text: `SELECT current_setting('server_version_num') AS version`,
  values: [],
}
const BACKEND: Statement = { text: 'SELECT pg_backend_pid() AS pid', values: [] }

interface ProbeOptions {
  /** Undefined: to be found out. */
  readonly pipelining?: boolean | undefined
  readonly namedStatements?: boolean
}

/** One statement came back, several under one Sync did not. */
export class PipeliningFailed extends Error {}

/** Throws PipeliningFailed where that was to be found out and did not go well. */
export async function probe(client: PoolClient, options: ProbeOptions): Promise<Capabilities> {
  const pipelining = options.pipelining ?? true
  const [version, backend] = await ask(client, options.pipelining)
  const serverVersion = Number(version?.rows[0]?.version)
  assertSupportedVersion(serverVersion)
  const pooled = backend?.rows[0]?.pid !== (client as unknown as { processID: number }).processID
  return {
    pipelining,
    serverVersion,
    pooled,
    // Behind a transaction pooler the next transaction may meet a server without our names.
    namedStatements: options.namedStatements ?? !pooled,
  }
}

/** A server that is away must not pass for one that cannot pipeline: it is asked singly first. */
async function ask(client: PoolClient, pipelining: boolean | undefined): Promise<Rows[]> {
  if (pipelining === true) return send(client, [VERSION, BACKEND])
  const version = await send(client, [VERSION])
  if (pipelining === false) return [...version, ...(await send(client, [BACKEND]))]
  try {
    return await send(client, [VERSION, BACKEND])
  } catch (error) {
    throw new PipeliningFailed('Two statements under one Sync got no answer.', { cause: error })
  }
}

async function send(client: PoolClient, statements: readonly Statement[]): Promise<Rows[]> {
  const batch = new Batch(statements, { names: undefined })
  const timer = setTimeout(() => {
    const error = new HoldfastError('HF_DATABASE_UNAVAILABLE', 'The server did not answer a probe.')
    ;(
      client as unknown as { connection: { stream: { destroy(e: Error): void } } }
    ).connection.stream.destroy(error)
  }, PROBE_TIMEOUT_MS)
  try {
    client.query(batch as never)
    return await batch.results
  } finally {
    clearTimeout(timer)
  }
}
