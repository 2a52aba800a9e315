/** A terminal for what a document tells its reader to type: variables last from block to block. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Typed {
  readonly code: number
  /** Standard output and standard error, as they come. */
  readonly output: string
}

const DONE = 'holdfast-block-is-done'

export class Shell {
  readonly #child: ChildProcess
  #output = ''

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('bash', ['--noprofile', '--norc'], { cwd: folder, env })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#child.emit('output')
      })
    }
  }

  /** Runs a block to its end. */
  async type(block: string): Promise<Typed> {
    this.#output = ''
    this.#child.stdin?.write(`${block}\necho "${DONE} $?"\n`)
    const end = new RegExp(`${DONE} (\\d+)\\n`)
    while (!end.test(this.#output)) await once(this.#child, 'output')
    const code = Number(end.exec(this.#output)?.[1])
    return { code, output: this.#output.replace(end, '') }
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin?.end()
    await closed
  }
}
