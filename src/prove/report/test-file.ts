import { type AnyVerdict, reported } from './reported.ts'

/** A file for node:test that fails as long as the fault is there. `from`: the file that exports it. */
export function testFile(name: string, from: string, verdict: AnyVerdict): string {
  const { says, explorer, holds } = reported(verdict)
  return [
    `import assert from 'node:assert/strict'`,
    `import { test } from 'node:test'`,
    `import { ${explorer}, verdictText } from 'holdfast/prove'`,
    `import { ${name} } from '${from}'`,
    '',
    `// When this file was written: ${says.replaceAll(/\s+/g, ' ')}`,
    `test('${name} ${holds}', async () => {`,
    `  const verdict = await ${explorer}(${name})`,
    `  assert.equal(verdict.verdict, 'CERTIFIED', verdictText(verdict, { name: '${name}', cwd: process.cwd() }))`,
    '})',
    '',
  ].join('\n')
}
