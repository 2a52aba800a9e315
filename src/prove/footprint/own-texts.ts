/**
 * Statements of Holdfast's own around a command, by their texts: they set the transaction up, look at
 * what no command can change, or complete a row that their own transaction has inserted. Nobody else
 * can tell when they went.
 */
import { contextStatement, currentSchemaStatement } from '../../database/context.ts'
import { replyStatement } from '../../state/idempotency/idempotency.ts'

const nobody = {
  role: 'holdfast_app',
  tenant: '',
  actor: '',
  remainingMs: 1,
  lockTimeoutMs: 1,
} as const
const claim = { tenant: '', principal: '', operation: '', key: '', retentionMs: 1 }
const reply = { status: 200, contentType: '', headers: {}, body: '' }
const claimed = { rows: [{ ctid: '(0,1)' }], rowCount: 1, command: 'INSERT' }

const TEXTS: ReadonlySet<string> = new Set(
  [
    // A transaction id is asked for in case COMMIT is lost, and goes nowhere else.
    contextStatement({ ...nobody, purpose: 'write' }),
    // Moved by migrations alone, and no command is one.
    currentSchemaStatement,
    replyStatement({ ...claim, fingerprint: Buffer.alloc(0) }, claimed, reply),
  ].map(({ text }) => text),
)

export function isOwnText(text: string): boolean {
  return TEXTS.has(text)
}
