import { createInterface, type Interface } from 'node:readline'

/** As shells end what was interrupted: 128 and the number of the signal. */
const INTERRUPTED = 130

type Ask = (prompt: string) => Promise<string | undefined>

/**
 * Asks for one line after the other; undefined where the input ends (Ctrl-D). One reader serves all
 * questions: lines that were typed or pasted ahead wait for theirs. It reads while somebody is asked
 * alone, so that it does not keep the process.
 */
export function askThrough(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask {
  let reader: LineReader | undefined
  return (prompt) => {
    reader ??= new LineReader(input, output)
    return reader.ask(prompt)
  }
}

class LineReader {
  readonly #lines: Interface
  readonly #output: NodeJS.WritableStream
  readonly #ahead: string[] = []
  #ended = false
  #answer: ((line: string | undefined) => void) | undefined

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#output = output
    this.#lines = createInterface({ input, output })
    this.#lines.on('line', (line) => this.#take(line))
    this.#lines.on('close', () => {
      this.#ended = true
      this.#answer?.(undefined)
    })
    this.#lines.on('SIGINT', () => process.exit(INTERRUPTED))
  }

  ask(prompt: string): Promise<string | undefined> {
    const line = this.#ahead.shift()
    if (line !== undefined || this.#ended) {
      this.#output.write(`${prompt}${line ?? ''}\n`)
      return Promise.resolve(line)
    }
    return new Promise((resolve) => {
      this.#answer = resolve
      this.#lines.setPrompt(prompt)
      // What stands there without an Enter stays, and goes on at its end.
      this.#lines.prompt(true)
    })
  }

  #take(line: string): void {
    const answer = this.#answer
    if (answer === undefined) {
      this.#ahead.push(line)
      return
    }
    this.#answer = undefined
    this.#lines.pause()
    answer(line)
  }
}
