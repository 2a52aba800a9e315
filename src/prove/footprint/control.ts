/** Statements of a session rather than of its data: transactions, savepoints, settings. */
import type { Node } from '../../database/guard/query-parser.ts'
import { OPAQUE, RESTARTS, type StatementFacts, type StatementKind } from './facts.ts'
import { fieldOf, functionName, nodesOf, type Tree } from './tree.ts'

const TRANSACTION_KINDS: Readonly<Record<string, StatementKind>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'local',
  TRANS_STMT_RELEASE: 'local',
  TRANS_STMT_ROLLBACK_TO: 'rollback-to',
}

/** A statement here never runs so long, and no transaction lies idle by the clock of the server. */
const HARMLESS = new Set([
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
])

/** Of a text with several statements: whether one of them may end the transaction, or begin another. */
export function restarts(nodes: readonly Node[]): boolean {
  return nodes.some((node) => fieldOf(node, 'TransactionStmt') !== undefined)
}

/** Undefined: it is about data. */
export function controlFacts(node: Node): StatementFacts | undefined {
  const transaction = fieldOf(node, 'TransactionStmt')
  if (transaction !== undefined) return transactionFacts(transaction)
  const set = fieldOf(node, 'VariableSetStmt')
  if (set === undefined) return fieldOf(node, 'VariableShowStmt') && local('local')
  const name = String(set.name).toLowerCase()
  if (name === 'transaction')
    return waitsForOthers(set) ? RESTARTS : local('isolation', { isolation: isolationIn(set) })
  return isHarmless(name) ? local('local', { session: set.is_local !== true }) : OPAQUE
}

function transactionFacts(transaction: Tree): StatementFacts {
  const kind = TRANSACTION_KINDS[String(transaction.kind)]
  if (kind === undefined || transaction.chain === true || waitsForOthers(transaction))
    return RESTARTS
  return local(kind, { isolation: isolationIn(transaction) })
}

function local(kind: StatementKind, more: Partial<StatementFacts> = {}): StatementFacts {
  return { ...OPAQUE, session: false, kind, ...more }
}

/** DEFERRABLE: its first statement may wait until all others have ended. */
function waitsForOthers(tree: Tree): boolean {
  return nodesOf(tree, 'DefElem').some(({ defname }) => defname === 'transaction_deferrable')
}

/** Timeouts make the end of a wait a matter of time, and the others change what statements mean. */
function isHarmless(setting: string): boolean {
  const matters =
    /isolation|timeout|characteristics|search_path|role|authorization|snapshot|read_only|deferrable/
  return HARMLESS.has(setting) || !matters.test(setting)
}

/** `set_config` with the name of such a setting, or with one that does not stand in the text. */
export function setsWhatStatementsMean(call: Tree): boolean {
  if (functionName(call) !== 'set_config') return false
  const [name] = (call.args ?? []) as readonly Tree[]
  const text = fieldOf(fieldOf(name, 'A_Const'), 'sval')?.sval
  return text === undefined || !isHarmless(String(text).toLowerCase())
}

function isolationIn(statement: Tree): string | undefined {
  const option = nodesOf(statement, 'DefElem').find(
    ({ defname }) => defname === 'transaction_isolation',
  )
  if (option === undefined) return undefined
  return nodesOf(option, 'A_Const')
    .map((constant) => String(fieldOf(constant, 'sval')?.sval))
    .at(0)
}

/** `set_config(..., true)` is over with the transaction. */
export function setsSession(tree: Tree): boolean {
  return nodesOf(tree, 'FuncCall').some((call) => {
    if (functionName(call) !== 'set_config') return false
    const local = fieldOf((call.args as readonly Tree[])[2], 'A_Const')
    return fieldOf(local, 'boolval')?.boolval !== true
  })
}
