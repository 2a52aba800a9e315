import type { EventEmitter } from 'node:events'

export interface App {
  close(): Promise<void>
}

export function run(app: App, signals: EventEmitter, exit: (code: number) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'])
    signals.once(signal, () => {
      app.close().then(
        () => exit(0),
        () => exit(1),
      )
    })
}
