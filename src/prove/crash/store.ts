/** The SQL of the crash explorer's own. */
import type pg from 'pg'
import type { Refusal } from './fault.ts'

/** The server raises it, so that the driver and the transaction see what they would see. */
export function refusingStatement(code: Refusal): string {
  return `DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '${code}'; END $$`
}

/** What a session may have left to the next user of its connection. */
export const TIDY = 'RESET ALL; SELECT pg_advisory_unlock_all()'

/** Resolves when the server process is gone, which closes the socket last of all. */
export async function terminate(control: pg.Client, client: pg.Client): Promise<void> {
  const gone = new Promise<void>((resolve) => client.once('end', () => resolve()))
  const processID = processIdOf(client)
  await control.query('SELECT pg_terminate_backend($1)', [processID])
  await gone
}

export async function isBlocked(control: pg.Client, client: pg.Client): Promise<boolean> {
  const { rows } = await control.query<{ by: number[] }>({
    name: 'blocked by',
    text: 'SELECT pg_blocking_pids($1) AS by',
    values: [processIdOf(client)],
  })
  return (rows[0]?.by.length ?? 0) > 0
}

function processIdOf(client: pg.Client): number {
  return (client as unknown as { processID: number }).processID
}
