import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const LOCK = { packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } } }

/** A project with the launcher, and an npm that notes each call and installs what is locked. */
function project(options: { npm?: string } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-launch-'))
  folders.push(folder)
  mkdirSync(join(folder, 'tools'))
  mkdirSync(join(folder, 'path'))
  copyFileSync(join(import.meta.dirname, 'launch.mjs'), join(folder, 'tools/launch.mjs'))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(LOCK))
  writeFileSync(join(folder, 'hello.mjs'), 'console.log("hello", ...process.argv.slice(2))')
  const install = 'mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json'
  const npm = options.npm ?? `echo "$@" >> npm-calls; ${install}`
  writeFileSync(join(folder, 'path/npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 })
  return folder
}

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

function start(
  folder: string,
  ...args: string[]
): ChildProcess & { readonly ended: Promise<Ended> } {
  const env = { PATH: `${join(folder, 'path')}:/usr/bin:/bin` }
  const child = spawn(process.execPath, [join(folder, 'tools/launch.mjs'), ...args], { env })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
  const ended = once(child, 'close').then(([code]) => ({ code, output, errors }))
  return Object.assign(child, { ended })
}

function npmCalls(folder: string): string[] {
  return readFileSync(join(folder, 'npm-calls'), 'utf8').trim().split('\n')
}

test('what is missing is installed once, by whichever of several launchers is first', async () => {
  const folder = project()
  const ended = await Promise.all([1, 2, 3].map((n) => start(folder, 'hello.mjs', `${n}`).ended))
  assert.deepEqual(
    ended.map(({ output }) => output),
    ['hello 1\n', 'hello 2\n', 'hello 3\n'],
  )
  assert.deepEqual(npmCalls(folder), ['ci --no-audit --no-fund --loglevel=error'])
})

test('what is installed otherwise than locked is installed again', async () => {
  const folder = project()
  mkdirSync(join(folder, 'node_modules'))
  const old = { packages: { 'node_modules/a': { version: '0.9.0', integrity: 'sha512-b' } } }
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify(old))
  assert.equal((await start(folder, 'hello.mjs').ended).code, 0)
  assert.equal((await start(folder, 'hello.mjs').ended).code, 0)
  assert.equal(npmCalls(folder).length, 1)
})

test('optional packages of other platforms may be absent', async () => {
  const folder = project()
  const lock = {
    packages: { ...LOCK.packages, 'node_modules/b': { version: '1.0.0', optional: true } },
  }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify(LOCK))
  const { output, errors } = await start(folder, 'hello.mjs').ended
  assert.deepEqual([output, errors], ['hello\n', ''])
})

test('a failing install is told in one line, without a stack', async () => {
  const folder = project({ npm: 'echo "npm error no network" >&2; exit 7' })
  const { code, errors } = await start(folder, 'hello.mjs').ended
  assert.equal(code, 1)
  assert.match(
    errors,
    /^Installing .*\nnpm error no network\nnpm ci failed \(exit code 7\), see above\.\n$/,
  )
})

test('the lock of a launcher that died is taken over', async () => {
  const folder = project()
  mkdirSync(join(folder, '.holdfast-install.lock'))
  writeFileSync(join(folder, '.holdfast-install.lock/pid'), '99999999')
  assert.equal((await start(folder, 'hello.mjs').ended).output, 'hello\n')
})

test('exit codes and ends by signal are those of the script', async () => {
  const folder = project()
  writeFileSync(join(folder, 'fails.mjs'), 'process.exitCode = 42')
  writeFileSync(join(folder, 'dies.mjs'), "process.kill(process.pid, 'SIGKILL')")
  assert.equal((await start(folder, 'fails.mjs').ended).code, 42)
  assert.equal((await start(folder, 'dies.mjs').ended).code, 128 + 9)
  assert.match((await start(folder).ended).errors, /^Usage: /)
})

test('signals reach the script, which ends in its own time', async () => {
  const folder = project()
  const graceful = `
    process.on('SIGTERM', () => { console.log('term'); process.exit(3) })
    process.on('SIGINT', () => { console.log('int'); process.exit(4) })
    setInterval(() => {}, 1000)
    console.log('up')
  `
  writeFileSync(join(folder, 'serves.mjs'), graceful)
  for (const [signal, output, code] of [
    ['SIGTERM', 'term', 3],
    ['SIGINT', 'int', 4],
  ] as const) {
    const child = start(folder, 'serves.mjs')
    await once(child.stdout ?? assert.fail(), 'data')
    child.kill(signal)
    const ended = await child.ended
    assert.deepEqual([ended.output, ended.code], [`up\n${output}\n`, code])
  }
})

test('a project that is reached through a link starts as well', async () => {
  const folder = project()
  symlinkSync(folder, `${folder}-link`)
  folders.push(`${folder}-link`)
  assert.equal((await start(`${folder}-link`, 'hello.mjs').ended).output, 'hello\n')
})

test('a pinned Node that does not run here is named, with the likely reason', async () => {
  const folder = project({ npm: 'exit 1' })
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify(LOCK))
  const bin = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin`)
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'node'), '#!/no/such/loader\n', { mode: 0o755 })
  const { code, errors } = await start(folder, 'hello.mjs').ended
  assert.equal(code, 1)
  assert.match(errors, /^Cannot run .*bin\/node \(ENOENT\)\. It needs glibc/)
})
