/** A terminal for what a document tells its reader to type: variables last from block to block. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Typed {
  readonly code: number
  /** Standard output. */
  readonly output: string
  readonly errors: string
}

const DONE = 'holdfast-block-is-done'
/** On both streams: neither says when the other has said all. */
const MARK = `done=$?; echo "${DONE} $done"; echo "${DONE} $done" >&2`
const END = new RegExp(`${DONE} (\\d+)\\n`)

export class Shell {
  readonly #child: ChildProcess
  #output = ''
  #errors = ''

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('bash', ['--noprofile', '--norc'], { cwd: folder, env })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
      this.#child.emit('output')
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
      this.#child.emit('output')
    })
  }

  /** Runs a block to its end. */
  async type(block: string): Promise<Typed> {
    this.#output = ''
    this.#errors = ''
    this.#child.stdin?.write(`${block}\n${MARK}\n`)
    while (!END.test(this.#output) || !END.test(this.#errors)) await once(this.#child, 'output')
    const code = Number(END.exec(this.#output)?.[1])
    return { code, output: this.#output.replace(END, ''), errors: this.#errors.replace(END, '') }
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin?.end()
    await closed
  }
}
