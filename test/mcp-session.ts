/** `holdfast mcp` as a client starts it: a process of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

export const root = join(import.meta.dirname, '..')
export const holdfast = join(root, 'bin/holdfast.mjs')

export const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

export interface Session {
  readonly child: ChildProcess
  ask(method: string, params?: object): Promise<{ result: Record<string, unknown>; line: string }>
  /** The text that a tool answers with. */
  call(name: string, args?: object): Promise<string>
  /** Sends without waiting for an answer. */
  send(message: object): void
}

export function start(
  context: TestContext,
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  options: readonly string[] = [],
): Session {
  const child = spawn(process.execPath, [holdfast, 'mcp', ...options], {
    cwd,
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  context.after(async () => {
    if (child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[
    Symbol.asyncIterator
  ]()
  let id = 0
  const send = (message: object) =>
    void child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const session: Session = {
    child,
    send,
    async ask(method, params = {}) {
      send({ id: ++id, method, params: { ...params, _meta: META } })
      const next = await lines.next()
      assert.ok(!next.done, `The server has ended: ${complaints}`)
      const line = next.value
      const answer = JSON.parse(line)
      assert.equal(answer.id, id, line)
      return { result: answer.result, line }
    },
    call: async (name, args = {}) =>
      textOf((await session.ask('tools/call', { name, arguments: args })).result),
  }
  return session
}

export async function project(context: TestContext, files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mcp-'))
  context.after(() => rm(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text)
  return folder
}

function textOf(result: Record<string, unknown>): string {
  return (result as { content: { text: string }[] }).content[0]?.text ?? assert.fail()
}
