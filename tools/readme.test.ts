/** The walk-through of the README, typed word for word into a copy of this repository. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testDatabase } from '../src/testing/test-database.ts'
import { blocks } from './docs/markdown.ts'
import { projectCopy, root } from './docs/project-copy.ts'
import { Shell } from './docs/shell.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const [place, kill, again, explain, ...more] = blocks(readme).filter(
  ({ section, language }) => section === 'See it hold' && language === 'sh',
)

const missing = ['bash', 'curl', 'npm'].filter((name) => spawnSync(name, ['--version']).error)
/** Everything together takes a few seconds; a machine under load gets many of them. */
const TIMEOUT_MS = 240_000

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return String(typeof address === 'object' ? address?.port : '')
}

/** The reader's first terminal. */
class Terminal {
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  output = ''

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('npm', ['start'], { cwd: folder, env })
    this.#exit = once(this.#child, 'exit')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        this.#child.emit('output')
      })
    }
  }

  async until(words: RegExp): Promise<void> {
    const ended = this.#exit.then(() => assert.fail(`npm start ended:\n${this.output}`))
    while (!words.test(this.output)) await Promise.race([once(this.#child, 'output'), ended])
    ended.catch(() => {})
  }

  async ended(): Promise<void> {
    await this.#exit
  }

  /** npm stands in front of the process that serves, which has told its id. */
  async stop(): Promise<void> {
    const pid = /kill -9 (\d+)/.exec(this.output)?.[1]
    if (pid !== undefined && this.#child.exitCode === null) process.kill(Number(pid), 'SIGTERM')
    await this.#exit
  }
}

describe('the walk-through', {
  skip: missing.length > 0 && `no ${missing}`,
  timeout: TIMEOUT_MS,
}, () => {
  const copy = projectCopy()
  let env: NodeJS.ProcessEnv = {}
  let shop: Terminal
  let shell: Shell
  const ends: (() => Promise<void> | void)[] = [() => copy.remove()]

  before(async () => {
    const { HOLDFAST_TEST_SERVER: _server, DATABASE_URL: own, ...rest } = process.env
    env = { ...rest, PORT: await freePort(), ADMIN_PORT: '0', NODE_TEST_CONTEXT: undefined }
    // Where there is no embedded server, a reader has to name one as well.
    if (own !== undefined) {
      const database = await testDatabase()
      ends.push(() => database.drop())
      env.DATABASE_URL = database.url
    }
    shop = new Terminal(copy.folder, env)
    shell = new Shell(copy.folder, env)
    await shop.until(/The shop is open/)
  })

  after(async () => {
    await shop.stop()
    await shell.close()
    for (const end of ends.toReversed()) await end()
  })

  test('an order, and its retry', async () => {
    const { code, output, errors } = await shell.type(place?.text ?? '')
    assert.equal(code, 0, errors)
    const [order = '', same] = output.split(/(?<=\})(?=the)/)
    assert.equal(JSON.parse(order).status, 'placed')
    assert.equal(same, 'the same bytes\n')
  })

  test('a kill in the middle of twenty', async () => {
    await shell.type(kill?.text ?? '')
    await shop.ended()
  })

  test('a new start, and all of them again', async () => {
    shop = new Terminal(copy.folder, env)
    await shop.until(/The shop is open/)
    const { code, output, errors } = await shell.type(again?.text ?? '')
    assert.equal(code, 0, errors)
    assert.match(output, /^(?:the same bytes\n)*21\n$/)
  })

  test('from order to refund, with a provider that fails', async () => {
    const guide = blocks(readFileSync(join(root, 'docs/guides/payments.md'), 'utf8'))
    assert.ok(guide.some(({ language }) => language === 'text'))
    for (const [index, block] of guide.entries()) {
      if (block.language !== 'sh') continue
      const { code, output, errors } = await shell.type(block.text)
      assert.equal(code, 0, `line ${block.line}: ${output}${errors}`)
      assert.equal(`${output.trimEnd()}\n`, guide[index + 1]?.text, `line ${block.line}: ${errors}`)
    }
  })

  test('what a request goes through', async () => {
    const { code, output, errors } = await shell.type(explain?.text ?? '')
    assert.equal(code, 0, errors)
    assert.match(output, /^ordering\.place-order {2}command {2}POST \/v1\/orders\n/)
    assert.deepEqual(more, [])
  })
})

test('the two commands are those of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [commands] = blocks(readme).filter(({ section }) => section === 'Two commands')
  const named = [...(commands?.text ?? '').matchAll(/^npm (?:run )?(\w+)/gm)].map(
    ([, name]) => name,
  )
  assert.deepEqual(named, ['start', 'test'])
  for (const name of named) assert.ok(scripts[name as string])
})
