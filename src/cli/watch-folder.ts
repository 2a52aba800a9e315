/** Changes of a project's files, gathered until they have settled: an editor writes one file in steps. */
import { watch } from 'node:fs'
import { sep } from 'node:path'
import type { Clock } from '../base/clock.ts'

/** Neither sources nor settings of an app. */
const IGNORED = new Set(['node_modules', '.git', '.holdfast', 'dist', 'coverage'])
const WATCHED = /\.(?:[cm]?[jt]s|json|sql|env)$|(?:^|[/\\])\.env[\w.]*$/
/** Longer than the steps of one save, shorter than anybody notices. */
const SETTLE_MS = 40

/** Calls back with the relative paths that have changed; returns the way to stop. */
export function watchFolder(
  folder: string,
  clock: Clock,
  onChange: (paths: ReadonlySet<string>) => void,
): () => void {
  let changed = new Set<string>()
  let cancel = () => {}
  const tell = () => {
    const paths = changed
    changed = new Set()
    onChange(paths)
  }
  const watcher = watch(folder, { recursive: true }, (_event, path) => {
    if (path === null || !isWatched(path)) return
    changed.add(path)
    cancel()
    cancel = clock.after(SETTLE_MS, tell)
  })
  return () => {
    cancel()
    watcher.close()
  }
}

export function isWatched(path: string): boolean {
  return WATCHED.test(path) && !path.split(sep).some((part) => IGNORED.has(part))
}
