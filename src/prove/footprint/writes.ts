/** Which tables a statement names, and what it does to them. */
import type { Mode } from './footprint.ts'
import { nodesOf, type Tree } from './tree.ts'

export interface Write {
  readonly relation: Tree
  readonly inserts: boolean
  readonly deletes: boolean
  /** Columns; undefined where it updates nothing. */
  readonly updates: readonly string[] | undefined
  /** An INSERT. */
  readonly insert?: Tree
}

function columnsOf(targets: unknown): string[] {
  return nodesOf(targets as Tree, 'ResTarget').map(({ name }) => String(name))
}

export function writesOf(tree: Tree): Write[] {
  const inserts = nodesOf(tree, 'InsertStmt').map((statement) => {
    const conflict = statement.onConflictClause as Tree | undefined
    const updates =
      conflict?.action === 'ONCONFLICT_UPDATE' ? columnsOf(conflict.targetList) : undefined
    const relation = statement.relation as Tree
    return { relation, inserts: true, deletes: false, updates, insert: statement }
  })
  const updates = nodesOf(tree, 'UpdateStmt').map(({ relation, targetList }) => ({
    relation: relation as Tree,
    inserts: false,
    deletes: false,
    updates: columnsOf(targetList),
  }))
  const deletes = nodesOf(tree, 'DeleteStmt').map(({ relation }) => ({
    relation: relation as Tree,
    inserts: false,
    deletes: true,
    updates: undefined,
  }))
  const merges = nodesOf(tree, 'MergeStmt').map(({ relation, mergeWhenClauses }) => ({
    relation: relation as Tree,
    inserts: true,
    deletes: true,
    updates: columnsOf(mergeWhenClauses),
  }))
  return [...inserts, ...updates, ...deletes, ...merges]
}

/** Everything that is read from: what stands in FROM, and what is updated or deleted from. */
export function rangesOf(tree: Tree): Tree[] {
  const searched = writesOf(tree).filter(({ inserts, deletes }) => !inserts || deletes)
  // FOR UPDATE OF names again what stands in FROM, by its alias.
  const again = nodesOf(tree, 'LockingClause').flatMap(({ lockedRels }) =>
    nodesOf(lockedRels, 'RangeVar'),
  )
  const ranges = nodesOf(tree, 'RangeVar').filter((range) => !again.includes(range))
  return [...ranges, ...searched.map(({ relation }) => relation)]
}

/** FOR UPDATE and its like lock what the statement reads. */
export function readMode(tree: Tree): Mode {
  const strengths = nodesOf(tree, 'LockingClause').map(({ strength }) => String(strength))
  if (strengths.includes('LCS_FORUPDATE')) return 'update'
  if (strengths.includes('LCS_FORNOKEYUPDATE')) return 'nokey'
  if (strengths.includes('LCS_FORSHARE')) return 'share'
  return strengths.includes('LCS_FORKEYSHARE') ? 'keyshare' : 'read'
}
