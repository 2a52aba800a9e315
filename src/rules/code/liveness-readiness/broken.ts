export interface State {
  readonly database: 'up' | 'down'
  readonly isDraining: boolean
}

/** A database that is away for a minute restarts every process, which then storm it together. */
export function probe(kind: 'live' | 'ready', { database }: State): number {
  return database === 'up' || kind === undefined ? 200 : 503
}
