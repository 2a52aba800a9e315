import type { EventEmitter } from 'node:events'

export interface App {
  close(): Promise<void>
}

/** Nobody listens to SIGTERM: the platform ends the process in the middle of its requests. */
export function run(_app: App, _signals: EventEmitter, _exit: (code: number) => void): void {
  // the server listens, and that is all
}
