/** What a process says, line by line: a test waits for a line, and for nothing else. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ProcessLines {
  /** Takes lines of both streams until one fits; throws with all of them where the process ends first. */
  until(pattern: RegExp): Promise<RegExpExecArray>
}

/** Starts to listen at once; the runner's own limit ends a process that says nothing more. */
export function processLines(child: ChildProcess): ProcessLines {
  const seen: string[] = []
  const waiting = new Set<() => void>()
  let taken = 0
  let ended = false
  const wake = () => {
    for (const each of waiting) each()
    waiting.clear()
  }
  const ends = [child.stdout, child.stderr].flatMap((stream) => {
    if (stream === null) return []
    const lines = createInterface({ input: stream })
    lines.on('line', (line) => {
      seen.push(line)
      wake()
    })
    return [once(lines, 'close')]
  })
  // Not at 'exit': what was said last may still be on its way.
  void Promise.all(ends).then(() => {
    ended = true
    wake()
  })
  return {
    async until(pattern) {
      for (;;) {
        while (taken < seen.length) {
          const found = pattern.exec(seen[taken++] as string)
          if (found !== null) return found
        }
        if (ended) throw new Error(`It ended without ${pattern}:\n${seen.join('\n')}`)
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
  }
}
