/**
 * d. What somebody who develops waits for, and what an installed package weighs: `npm start` of the
 * shop from the second time on, `holdfast dev` after a change, `npm install` of the packed package.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type InstalledPackage, installPackage } from './lib/installed.ts'
import { median, seconds, table } from './lib/statistics.ts'
import type { Plan } from './place-order.ts'

const root = join(import.meta.dirname, '..')

export async function developing(url: string, plan: Plan): Promise<string> {
  const started = await warmStart(plan.rounds)
  const restarted = await restart(url, plan.rounds * 2)
  const lean = installed('--omit=optional')
  const whole = installed()
  return table(
    ['developing, and the package', 'measured', 'floor'],
    [
      ['`npm start`, warm, to the first answered request', seconds(started), '<= 3 s'],
      [
        '`holdfast dev`, from a change to the next answer',
        `${restarted.toFixed(0)} ms`,
        '<= 500 ms',
      ],
      ['`npm install` without optional parts', shown(lean), ''],
      ['`npm install` with them (Postgres, parsers)', shown(whole), ''],
    ],
  )
}

/** In a copy, so that the data of whoever measures stay as they are. */
async function warmStart(rounds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-warm-'))
  const left = new Set(['.git', '.holdfast', 'dist'])
  const filter = (path: string) => !left.has(relative(root, path).split(sep)[0] ?? '')
  cpSync(root, folder, { recursive: true, filter, verbatimSymlinks: true })
  const times: number[] = []
  try {
    // The first one seeds.
    for (let round = -1; round < rounds; round++) {
      const ms = await startOnce(folder)
      if (round >= 0) times.push(ms)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return median(times)
}

async function startOnce(folder: string): Promise<number> {
  const startedAt = performance.now()
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ADMIN_PORT: '0' }
  const child = spawn('npm', ['start'], { cwd: folder, env })
  const listener = new Listener(child)
  const api = await listener.hear(/API +(http:\/\/\S+)/)
  const pid = await listener.hear(/kill -9 (\d+)/)
  const { status } = await fetch(`${api}/health/ready`)
  const ms = performance.now() - startedAt
  if (status !== 200) throw new Error(`The shop answered ${status}.`)
  process.kill(Number(pid), 'SIGTERM')
  await once(child, 'exit')
  return ms
}

const MAIN = `
import { anyone, defineQuery, holdfast, loadConfig, startApp } from 'holdfast'
import { z } from 'zod'
const Ping = defineQuery({ name: 'ping.ping', http: 'GET /v1/ping', input: z.object({}), output: z.object({ ok: z.boolean() }) })
const builder = holdfast()
const ping = builder.handle(Ping, { allow: anyone, run: () => ({ ok: true }) })
const app = builder.defineApp({ modules: [{ module: builder.defineModule({ name: 'ping' }), Ping, ping }] })
const running = await startApp(app, { config: loadConfig(process.env) })
running.shutdown.install()
`

/** Nobody changes a file, looks at the answer and changes it again in less. */
const THINKING_MS = 1_500

async function restart(url: string, rounds: number): Promise<number> {
  const own: InstalledPackage = installPackage()
  const main = join(own.folder, 'main.ts')
  writeFileSync(main, MAIN)
  const bin = join(own.folder, 'node_modules/holdfast/bin/holdfast.mjs')
  const env = { PATH: process.env.PATH, DATABASE_URL: url, PORT: '0', ADMIN_PORT: '0' }
  const child = spawn(process.execPath, [bin, 'dev'], { cwd: own.folder, env })
  const listener = new Listener(child)
  const times: number[] = []
  try {
    await listener.hear(ANSWERING)
    for (let round = 0; round < rounds; round++) {
      await setTimeout(THINKING_MS)
      writeFileSync(main, `${MAIN}// ${round}\n`)
      times.push(Number(await listener.hear(ANSWERING)))
    }
  } finally {
    child.kill('SIGINT')
    await once(child, 'exit')
    own.remove()
  }
  return median(times)
}

const ANSWERING = /answering after (\d+) ms/

/** What a program says, on either stream, from where it was last listened to. */
class Listener {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  #told = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit').then(() => {
      throw new Error(`It has ended: ${this.#told}`)
    })
    this.#ended.catch(() => {})
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#told += text
        child.emit('said')
      })
    }
  }

  async hear(words: RegExp): Promise<string> {
    for (;;) {
      const found = words.exec(this.#told)
      if (found !== null) {
        this.#told = this.#told.slice(found.index + found[0].length)
        return found[1] ?? ''
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#child.once('said', resolve)
      await Promise.race([promise, this.#ended])
    }
  }
}

interface Installed {
  readonly bytes: number
  readonly ms: number
  readonly packages: number
}

/** By npm, from its cache where it has one: the line is not what is measured. */
function installed(...flags: readonly string[]): Installed {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-weight-'))
  try {
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    })
    const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('[\n')))
    const project = join(folder, 'project')
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
    const startedAt = performance.now()
    const args = ['install', join(folder, filename), '--prefer-offline', '--no-audit', '--no-fund']
    execFileSync('npm', [...args, ...flags], { cwd: project, stdio: 'ignore' })
    const ms = performance.now() - startedAt
    const cwd = join(project, 'node_modules')
    const bytes = globSync('**/*', { cwd }).reduce((sum, path) => sum + sizeOf(join(cwd, path)), 0)
    const packages = globSync(['*/package.json', '@*/*/package.json'], { cwd }).length
    return { bytes, ms, packages }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function sizeOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? stat.size : 0
}

function shown({ bytes, ms, packages }: Installed): string {
  return `${(bytes / 1e6).toFixed(0)} MB, ${packages} packages, ${seconds(ms)}`
}
