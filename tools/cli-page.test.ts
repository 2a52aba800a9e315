import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../src/cli/commands.ts'
import { parseCommand } from '../src/cli/parse-command.ts'
import { CLI_PAGE, cliPage } from './cli-page.ts'

test('the page of the commands is what they say', () => {
  const page = readFileSync(join(import.meta.dirname, '..', CLI_PAGE), 'utf8')
  assert.equal(page, cliPage(), 'Run: npm run pages')
})

test('every example is one that its command takes', () => {
  const terminal = { env: {}, cwd: '/', out() {}, err() {} }
  for (const { name, example } of commands) {
    const words = example.replaceAll("'", '').split(' ').slice(1)
    const parsed = parseCommand(words, commands, terminal)
    assert.ok(parsed.kind === 'command' && parsed.command.name === name, example)
  }
})
