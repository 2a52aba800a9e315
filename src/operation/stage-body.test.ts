import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../base/clock.ts'
import { principal } from '../base/principal.ts'
import { deadlineAfter, OpenScope } from '../runtime/scope.ts'
import { traceContext } from '../runtime/trace-context.ts'
import { pruneStaged } from '../state/staging/prune-staged.ts'
import { TestOperations } from '../testing/test-operations.ts'
import { holdfast } from './builder.ts'
import { defineCommand } from './contract.ts'
import { execute } from './execute.ts'
import { conflict, ProblemError } from './problem.ts'
import type { RegisteredCommand } from './registered.ts'
import { may } from './rule.ts'
import { type Staged, stageBody } from './stage-body.ts'
import { readStaged, stagedFacts } from './staged-content.ts'

const KIB = 1024
const BYTES_MAX = 8 * 1024 * KIB

const TakeFile = defineCommand({
  name: 'files.take-file',
  http: 'POST /files',
  streamed: { field: 'file', contentTypes: ['text/plain'], bytesMax: BYTES_MAX },
  input: z.object({ file: z.uuid(), refuse: z.boolean().default(false) }),
  output: z.object({ bytes: z.int(), sha256: z.string(), middle: z.string() }),
  problems: { refused: conflict('Refused') },
})

const app = holdfast<{ db: object }>()
const files = {
  module: app.defineModule({ name: 'files' }),
  takeFile: app.handle(TakeFile, {
    allow: may('files:write'),
    async run({ input, tx, fail }) {
      if (input.refuse) throw fail.refused()
      const facts = await stagedFacts(tx, input.file)
      const middle = await readStaged(tx, input.file, { from: 300 * KIB - 2, bytesMax: 4 })
      return { bytes: -1, sha256: '', ...facts, middle: middle.toString() }
    },
  }),
}

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({
    app: app.defineApp({ modules: [files] }),
    tables: {},
  })
})
after(() => operations.stop())
beforeEach(() => operations.clear())

function scopeOf(permissions: readonly string[] = ['*'], tenant = 'acme'): OpenScope {
  return new OpenScope({
    principal: principal({ id: 'key_a', kind: 'api-key', tenant, roles: [], permissions }),
    requestId: randomUUID(),
    trace: traceContext(undefined),
    deadline: deadlineAfter(systemClock, 20_000),
    clock: systemClock,
    idempotencyKey: randomUUID(),
  })
}

const command = () =>
  operations.runtime.registry.operations.get('files.take-file') as RegisteredCommand

function stage(
  body: AsyncIterable<Uint8Array>,
  scope = scopeOf(),
  sha256?: Buffer,
): Promise<Staged | ProblemError> {
  return stageBody(operations.runtime, command(), {
    scope,
    body,
    contentType: 'text/plain',
    sha256,
  })
}

async function staged(body: AsyncIterable<Uint8Array>, scope = scopeOf()): Promise<Staged> {
  const found = await stage(body, scope)
  assert.ok(!(found instanceof ProblemError), String(found))
  return found
}

/** Pieces of 32 KiB, numbered from the start of each. */
async function* pieces(count: number, onPull?: (pulled: number) => Promise<void>) {
  for (let number = 0; number < count; number++) {
    await onPull?.(number)
    yield Buffer.alloc(32 * KIB, String.fromCharCode(97 + (number % 26)))
  }
}

function ask(content: Staged, scope: OpenScope, fields: object = {}) {
  const value = { file: content.id, ...fields }
  const request = { scope, input: { ok: true, value } as const, rawInput: content.sha256 }
  return content.execute(request, (asked, given) => execute(operations.runtime, asked, given))
}

const alive = () => operations.count('holdfast.staged_contents WHERE expires_at > now()')

test('a command reads what was streamed, any part of it', async () => {
  const scope = scopeOf()
  const content = await staged(pieces(20), scope)
  const { status, body } = await ask(content, scope)
  assert.equal(status, 200, body)
  const hash = createHash('sha256')
  for await (const piece of pieces(20)) hash.update(piece)
  const expected = { bytes: 640 * KIB, sha256: hash.digest('hex'), middle: 'jjjj' }
  assert.deepEqual(JSON.parse(body), expected)
})

test('memory holds two chunks at most, whatever the size of the body', async () => {
  let heldMax = 0
  await staged(
    pieces(200, async (pulled) => {
      if (pulled % 5 !== 0) return
      const [row] = await operations.rows<{ bytes: number }>(
        'SELECT coalesce(sum(length(bytes)), 0)::bigint AS bytes FROM holdfast.staged_chunks',
      )
      heldMax = Math.max(heldMax, pulled * 32 * KIB - (row?.bytes ?? 0))
    }),
  )
  assert.ok(heldMax <= 2 * 256 * KIB + 32 * KIB, `${heldMax} bytes held`)
})

test('a body that is too large is refused in the middle, and nothing of it stays', async () => {
  const found = await stage(pieces(BYTES_MAX / (32 * KIB) + 1))
  assert.equal((found as ProblemError).status, 413)
  assert.equal(await alive(), 0)
})

test('a body that ends early throws what it threw, and nothing of it stays', async () => {
  const gone = new Error('reset')
  async function* early() {
    yield* pieces(20)
    throw gone
  }
  await assert.rejects(stage(early()), (error) => error === gone)
  assert.equal(await alive(), 0)
})

test('who may not, or whose digest differs, is refused; the first before a byte is read', async () => {
  let read = 0
  const counted = pieces(3, async () => {
    read++
  })
  assert.equal(((await stage(counted, scopeOf([]))) as ProblemError).status, 403)
  assert.equal(read, 0)
  const other = createHash('sha256').update('other').digest()
  assert.equal(((await stage(pieces(3), scopeOf(), other)) as ProblemError).status, 400)
  assert.equal(await alive(), 0)
})

test('what the command refuses, or has answered before, is dropped; what it took is kept', async () => {
  const scope = scopeOf()
  assert.equal((await ask(await staged(pieces(9), scope), scope, { refuse: true })).status, 409)
  assert.equal(await alive(), 0)

  const again = scopeOf()
  assert.equal((await ask(await staged(pieces(9), again), again)).replayed, false)
  const second = await ask(await staged(pieces(9), again), again)
  assert.deepEqual([second.status, second.replayed], [200, true])
  assert.equal(await alive(), 1)
  const [kept] = await operations.rows<{ adopted: boolean }>(
    'SELECT adopted FROM holdfast.staged_contents WHERE expires_at > now()',
  )
  assert.equal(kept?.adopted, true)
})

test('a content is taken once, and by its own tenant alone', async () => {
  const scope = scopeOf()
  const content = await staged(pieces(2), scope)
  const stranger = scopeOf(['*'], 'globex')
  assert.equal((await ask(content, stranger)).status, 500)
  assert.equal((await ask(content, scope)).status, 200)
  assert.equal((await ask(content, scopeOf())).status, 500)
})

test('the pruner takes away what has expired, chunks first, and nothing else', async () => {
  const kept = scopeOf()
  assert.equal((await ask(await staged(pieces(40), kept), kept)).status, 200)
  await stage(pieces(40), scopeOf(), Buffer.alloc(32))
  const { pool } = operations.runtime
  while ((await pruneStaged(pool, 2)) > 0);
  assert.equal(await operations.count('holdfast.staged_contents'), 1)
  assert.equal(await operations.count('holdfast.staged_chunks'), 5)
})
