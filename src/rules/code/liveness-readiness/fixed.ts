export interface State {
  readonly database: 'up' | 'down'
  readonly isDraining: boolean
}

/** live: can this process go on at all? ready: should it get traffic now? */
export function probe(kind: 'live' | 'ready', { database, isDraining }: State): number {
  if (kind === 'live') return 200
  return database === 'up' && !isDraining ? 200 : 503
}
