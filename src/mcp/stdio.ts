/** One message per line, in and out. Standard output carries nothing else. */
import type { Readable, Writable } from 'node:stream'
import { systemClock } from '../base/clock.ts'
import type { McpServer } from './server.ts'

/** A snippet to review is some hundred kilobytes at most. */
const MESSAGE_BYTES_MAX = 1_000_000
const NEWLINE = 0x0a
/** Answers that are not written yet: a client that sends and never reads is not read from either. */
const UNDER_WAY_MAX = 64

/**
 * What is under way when the input ends may still be answered: `printf ... | holdfast mcp` is a client
 * too. One that wants the process gone sends a signal as well.
 */
const GRACE_MS = 20_000

/** Resolves when the input has ended: that is how a client says goodbye. */
export async function serveStdio(
  server: McpServer,
  input: Readable,
  output: Writable,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  for await (const line of linesOf(input)) {
    const answered = server
      .answer(line ?? TOO_LONG)
      .then((answer) => (answer === undefined ? undefined : write(output, `${answer}\n`)))
      .finally(() => underWay.delete(answered))
    underWay.add(answered)
    if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay)
  }
  const cancel = systemClock.after(GRACE_MS, () => server.stop())
  await Promise.all(underWay)
  cancel()
}

/** No JSON: what is too long is answered as what cannot be read, without an id. */
const TOO_LONG = `a message of more than ${MESSAGE_BYTES_MAX} bytes`

/** Lines without their end; undefined for one that is too long, of which nothing is kept. */
async function* linesOf(input: Readable): AsyncGenerator<string | undefined> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    let rest = chunk
    for (;;) {
      const end = rest.indexOf(NEWLINE)
      const part = end < 0 ? rest : rest.subarray(0, end)
      size += part.length
      if (size <= MESSAGE_BYTES_MAX) parts.push(part)
      else parts = []
      if (end < 0) break
      if (size > 0) yield size > MESSAGE_BYTES_MAX ? undefined : textOf(parts)
      parts = []
      size = 0
      rest = rest.subarray(end + 1)
    }
  }
}

function textOf(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('utf8')
}

/** Waits where the client does not read: replies must not pile up in memory. */
function write(output: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    // A client that has gone closes the pipe; there is nobody to tell.
    output.write(text, () => resolve())
  })
}
