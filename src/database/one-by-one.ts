/** A batch where only single statements can be sent: one round trip each. */
import type { Rows, Statement } from './statement.ts'

const BEGIN: Statement = { text: 'BEGIN', values: [] }
const COMMIT: Statement = { text: 'COMMIT', values: [] }

/** Like those of a batch the statements are in one transaction, all or none. */
export async function runOneByOne(
  statements: readonly Statement[],
  inTransaction: boolean,
  send: (statement: Statement, last: boolean) => Promise<Rows>,
): Promise<Rows[]> {
  const implicit = statements.length > 1 && !inTransaction && !statements.some(isBegin)
  if (!implicit) return sendEach(statements, send)
  const results = await sendEach([BEGIN, ...statements, COMMIT], send)
  return results.slice(1, -1)
}

async function sendEach(
  statements: readonly Statement[],
  send: (statement: Statement, last: boolean) => Promise<Rows>,
): Promise<Rows[]> {
  const results: Rows[] = []
  for (const [index, statement] of statements.entries())
    results.push(await send(statement, index === statements.length - 1))
  return results
}

function isBegin({ text }: Statement): boolean {
  return text.startsWith('BEGIN')
}
