import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface SmtpSink {
  /** `smtp://127.0.0.1:port` */
  readonly url: string
  stop(): Promise<void>
}

/** Starts the mail server for development; each mail becomes a line of `file`. Port 0: a free one. */
export async function startSmtpSink(file: string, at = 0): Promise<SmtpSink> {
  const program = fileURLToPath(new URL('./smtp-sink.ts', import.meta.url))
  const child = fork(program, [file, `${at}`])
  const told = once(child, 'message').then(([message]) => message as { readonly port: number })
  const ended = once(child, 'exit')
  const gone = ended.then(([code]) => {
    throw new Error(`The mail sink ended at its start with code ${code}.`)
  })
  const { port } = await Promise.race([told, gone])
  gone.catch(() => {})
  return {
    url: `smtp://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
