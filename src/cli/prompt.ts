import { createInterface } from 'node:readline'

/** As shells end what was interrupted: 128 and the number of the signal. */
const INTERRUPTED = 130

/** One line from the terminal; undefined where its input ends (Ctrl-D). */
export function askOnTerminal(prompt: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  return new Promise((resolve) => {
    lines.once('close', () => resolve(undefined))
    lines.once('SIGINT', () => process.exit(INTERRUPTED))
    lines.question(prompt, (answer) => {
      resolve(answer)
      lines.close()
    })
  })
}
