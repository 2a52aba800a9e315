import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, run } from '../../../test/migrate/fixture.ts'
import { isFault } from '../../base/fault.ts'
import { startTestServer } from '../embedded/test-server.ts'
import { checkRole } from './check-role.ts'

function refusal(code: 'HF_ROLE_UNSAFE' | 'HF_ROLE_MISSING', sql: string) {
  return (error: unknown) => {
    assert.ok(isFault(error, code), String(error))
    assert.ok(error.message.includes(sql), error.message)
    return true
  }
}

test('a login that no policy binds, or that cannot switch, is refused with the SQL to run', async (context) => {
  // A cluster of its own: roles are shared by all databases of one.
  const server = await startTestServer()
  context.after(() => server.stop())
  const owner = await connect(context, server.url())
  const admin = await connect(context, server.adminUrl())
  await assert.rejects(checkRole(owner), refusal('HF_ROLE_MISSING', 'Migrate first'))
  await run(server.url(), [])
  await checkRole(owner)

  const unsafe = refusal('HF_ROLE_UNSAFE', 'ALTER DATABASE "postgres" OWNER TO holdfast;')
  await assert.rejects(checkRole(admin), unsafe)
  // The role of the login counts, not the one it has switched to for a while.
  await admin.query('SET ROLE holdfast_app')
  await assert.rejects(checkRole(admin), unsafe)
  await admin.query('RESET ROLE')

  await admin.query(`CREATE ROLE "Odd one" LOGIN BYPASSRLS PASSWORD 'x'`)
  const odd = await connect(context, `postgres://Odd%20one:x@127.0.0.1:${server.port}/postgres`)
  await assert.rejects(
    checkRole(odd),
    refusal('HF_ROLE_UNSAFE', 'ALTER ROLE "Odd one" NOBYPASSRLS;'),
  )
  await admin.query('ALTER ROLE "Odd one" NOBYPASSRLS')
  await admin.query('GRANT holdfast_loops TO "Odd one"')
  await assert.rejects(
    checkRole(odd),
    refusal('HF_ROLE_MISSING', 'GRANT holdfast_app TO "Odd one";'),
  )
  await admin.query('GRANT holdfast_app TO "Odd one"')
  await checkRole(odd)
})
