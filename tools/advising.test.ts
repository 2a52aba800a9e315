/** The guide to advice shows what really comes out: commands are typed, a session is answered. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { main } from '../src/cli/main.ts'
import { type Block, blocks } from './docs/markdown.ts'
import { root } from './docs/project-copy.ts'
import { Shell } from './docs/shell.ts'
import { excerptOf, pathOf, shows } from './docs/snippets.ts'

const guide = blocks(readFileSync(join(root, 'docs/guides/advising.md'), 'utf8'))
const missing = ['bash', 'npx'].filter((name) => spawnSync(name, ['--version']).error)

describe('the guide to advice', { skip: missing.length > 0 && `no ${missing}` }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-advising-'))
  let shell: Shell

  before(() => {
    mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
    symlinkSync(root, join(folder, 'node_modules/holdfast'))
    symlinkSync('../holdfast/bin/holdfast.mjs', join(folder, 'node_modules/.bin/holdfast'))
    for (const block of guide) {
      const path = pathOf(block)
      if (path !== undefined) writeFileSync(join(folder, path), excerptOf(block))
    }
    shell = new Shell(folder, {
      ...process.env,
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      npm_config_offline: 'true',
      npm_config_loglevel: 'error',
    })
  })

  after(async () => {
    await shell.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('shows what its commands print', async () => {
    const typed = guide.filter(({ language }) => language === 'sh')
    assert.ok(typed.length >= 7)
    for (const block of typed) {
      const { output, errors } = await shell.type(block.text)
      const shown = guide[guide.indexOf(block) + 1]?.text ?? assert.fail()
      const isShown = shows(shown, output) || shows(shown, errors)
      assert.ok(isShown, `line ${block.line}:\n${output}${errors}`)
    }
  })

  test('shows a session as it goes', async () => {
    const session = guide.find(({ language }) => language === 'session') ?? assert.fail()
    const [command = '', ...lines] = session.text.split('\n')
    const words = command.replace('$ npx holdfast ', '').split(' ')
    const printed: string[] = []
    const terminal = {
      env: {},
      cwd: folder,
      out: (text: string) => void printed.push(`${text}\n`),
      err: (text: string) => void printed.push(`${text}\n`),
      ask: async (prompt: string) => {
        const answer = answerTo(session, prompt)
        printed.push(`${prompt}${answer}`.trimEnd(), '\n')
        return answer
      },
    }
    assert.equal(await main(words, terminal), 0)
    const output = printed.join('')
    assert.ok(shows(lines.join('\n'), output), output)
  })

  /** What the guide shows behind the brackets of this prompt. */
  function answerTo({ text }: Block, prompt: string): string {
    const asked = prompt.split('\n').at(-1)?.trimEnd() ?? ''
    const line = text.split('\n').find((one) => one.startsWith(asked))
    assert.ok(line !== undefined, `The guide does not show: ${asked}`)
    return line.slice(asked.length).trim()
  }
})
