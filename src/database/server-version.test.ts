import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSupportedVersion, readSupportedVersion } from './server-version.ts'

test('15 to 18 and newer pass, older is refused by name', () => {
  for (const versionNum of [150_000, 160_010, 170_006, 180_004, 190_000])
    assert.doesNotThrow(() => assertSupportedVersion(versionNum))
  for (const versionNum of [149_999, 140_012, 90_600, Number.NaN])
    assert.throws(() => assertSupportedVersion(versionNum), { code: 'HF_SERVER_TOO_OLD' })
  assert.throws(() => assertSupportedVersion(140_012), /version 14; the oldest supported is 15/)
})

test('the version is asked of the server', async () => {
  const server = (version: string) => ({
    query: async () => ({ rows: [{ server_version_num: version }] }),
  })
  assert.equal(await readSupportedVersion(server('180004')), 180_004)
  await assert.rejects(readSupportedVersion(server('130002')), { code: 'HF_SERVER_TOO_OLD' })
})
