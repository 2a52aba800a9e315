import type { Verdict } from '../verdict.ts'

/** A file for node:test that fails as long as the race can be lost. `from`: the file of the race. */
export function testFile(name: string, from: string, verdict: Verdict): string {
  const found = verdict.verdict === 'VIOLATION' ? verdict.findings[0].message : 'certified'
  return [
    `import assert from 'node:assert/strict'`,
    `import { test } from 'node:test'`,
    `import { exploreRace, verdictText } from 'holdfast/prove'`,
    `import { ${name} } from '${from}'`,
    '',
    `// When this file was written: ${found.replaceAll(/\s+/g, ' ')}`,
    `test('${name} holds under every interleaving', async () => {`,
    `  const verdict = await exploreRace(${name})`,
    `  assert.equal(verdict.verdict, 'CERTIFIED', verdictText(verdict, { name: '${name}', cwd: process.cwd() }))`,
    '})',
    '',
  ].join('\n')
}
