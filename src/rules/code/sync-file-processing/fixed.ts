import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** One line at a time, whatever the size of the file. */
export async function countRows(path: string): Promise<{ rows: number; peakBytes: number }> {
  let rows = 0
  let peakBytes = 0
  for await (const line of createInterface({ input: createReadStream(path) })) {
    rows += 1
    peakBytes = Math.max(peakBytes, line.length)
  }
  return { rows, peakBytes }
}
