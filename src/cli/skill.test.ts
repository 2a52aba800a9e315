import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { main } from './main.ts'
import { SKILL_NAME, skillFiles, skillReferences } from './skill-files.ts'
import { installSkill } from './skill-install.ts'

const root = join(import.meta.dirname, '../..')
const skill = join(root, 'skill', SKILL_NAME)
/** What writes the references anew. */
const MAKER = 'tools/skill-pages.ts'

async function folder(context: TestContext) {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-skill-'))
  context.after(() => rm(path, { recursive: true }))
  return {
    path,
    async run(words: string, answer?: string) {
      const out: string[] = []
      const err: string[] = []
      const terminal = {
        env: {},
        cwd: path,
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        ...(answer === undefined ? {} : { ask: async () => answer }),
      }
      const code = await main(words.split(' '), terminal)
      return { code, out: out.join('\n'), err: err.join('\n') }
    },
    files: async () => (await readdir(path, { recursive: true })).sort(),
  }
}

describe('the skill', () => {
  const text = readFileSync(join(skill, 'SKILL.md'), 'utf8')
  const [, front = '', body = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text) ?? []
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(front)?.[1] ?? ''

  test('keeps to the format: name, description, length', () => {
    assert.equal(field('name'), SKILL_NAME)
    assert.match(field('name'), /^[a-z0-9]+(?:-[a-z0-9]+)*$/)
    assert.ok(field('name').length <= 64)
    assert.ok(field('description').length > 100 && field('description').length <= 1024)
    assert.ok(!field('description').includes(': '), 'would need quotes in YAML')
    assert.ok(field('compatibility').length <= 500)
    assert.ok(text.split('\n').length < 500 && text.length < 20_000)
  })

  test('links to every reference, one level deep, and to nothing else', async () => {
    const links = [...body.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
    const references = [...(await skillFiles()).keys()].filter((path) => path.endsWith('.md'))
    assert.deepEqual(
      [...new Set(links)].sort(),
      references.filter((path) => path !== 'SKILL.md').sort(),
    )
    assert.ok(links.every((link) => link.split('/').length === 2))
  })

  test('has references as the decisions, calculators and playbooks are now', () => {
    const pages = skillReferences()
    assert.deepEqual(
      globSync('references/*.md', { cwd: skill }).sort(),
      [...pages.keys()].sort(),
      `node tools/launch.mjs ${MAKER}`,
    )
    for (const [path, page] of pages) {
      assert.equal(readFileSync(join(skill, path), 'utf8'), page, `${path}: run ${MAKER}`)
      assert.ok(page.length < 16_000, `${path} is too long to load at once`)
    }
  })

  test('has a script that runs the project’s own command, and says what is missing', async (context) => {
    const { path } = await folder(context)
    const script = join(skill, 'scripts/holdfast.mjs')
    const run = (cwd: string) =>
      spawnSync(process.execPath, [script, '--version'], { cwd, encoding: 'utf8' })
    assert.match(run(path).stderr, /holdfast is not installed/)
    await mkdir(join(path, 'node_modules'))
    await mkdir(join(path, 'src'))
    await symlink(root, join(path, 'node_modules/holdfast'))
    assert.match(run(join(path, 'src')).stdout, /^holdfast \d/)
  })
})

describe('install and uninstall', () => {
  test('ask first; whoever says no finds nothing changed', async (context) => {
    const { run, files } = await folder(context)
    assert.deepEqual((await run('skill install', 'n')).code, 1)
    assert.match((await run('skill install')).err, /Nobody is there to ask: add --yes/)
    assert.deepEqual(await files(), [])
    assert.match((await run('skill uninstall --yes')).err, /No skill is installed here/)
  })

  test('leave nothing behind, folders included', async (context) => {
    const { path, run, files } = await folder(context)
    await mkdir(join(path, '.claude'))
    const before = await files()
    const installed = await run('skill install', 'y')
    assert.equal(installed.code, 0, installed.err)
    assert.match(
      installed.out,
      /^\.agents\/skills\/holdfast-backend: \d+ written\n\.claude\/skills/,
    )
    const text = await readFile(join(path, `.claude/skills/${SKILL_NAME}/SKILL.md`), 'utf8')
    assert.match(text, /^---\nname: holdfast-backend\n/)
    assert.equal((await run('skill uninstall --yes')).code, 0)
    assert.deepEqual(await files(), before)
  })

  test('keep what somebody changed or added, and say so', async (context) => {
    const { path, run, files } = await folder(context)
    await run('skill install --yes --dir tools/skills')
    const at = join(path, 'tools/skills', SKILL_NAME)
    await writeFile(join(at, 'SKILL.md'), 'mine')
    await writeFile(join(at, 'references/notes.md'), 'mine too')
    const again = await run('skill install --yes --dir tools/skills')
    assert.match(again.out, /kept, since it is not as it was installed: SKILL\.md/)
    assert.equal(await readFile(join(at, 'SKILL.md'), 'utf8'), 'mine')
    const removed = await run('skill uninstall --yes --dir tools/skills')
    assert.match(removed.out, /SKILL\.md\n.*references\/notes\.md/s)
    assert.deepEqual(
      (await files()).filter((name) => name.endsWith('.md') || name.endsWith('.json')),
      [`tools/skills/${SKILL_NAME}/SKILL.md`, `tools/skills/${SKILL_NAME}/references/notes.md`],
    )
  })

  test('replace what is as it was, and remove what a new version no longer has', async (context) => {
    const { path } = await folder(context)
    const at = join(path, SKILL_NAME)
    await installSkill(
      at,
      new Map([
        ['a.md', 'one'],
        ['old.md', 'gone'],
        ['sub/b.md', 'x'],
      ]),
    )
    const { written, removed, kept } = await installSkill(at, new Map([['a.md', 'two']]))
    assert.deepEqual([written, [...removed].sort(), kept], [['a.md'], ['old.md', 'sub/b.md'], []])
    assert.equal(await readFile(join(at, 'a.md'), 'utf8'), 'two')
  })

  test('say where nothing can be written', async (context) => {
    const { path, run } = await folder(context)
    await writeFile(join(path, 'taken'), '')
    for (const dir of ['taken', '/proc/none']) {
      const { code, err } = await run(`skill install --yes --dir ${dir}`)
      assert.equal(code, 2)
      assert.match(err, /HF_USAGE: .*(?:taken|none)\/holdfast-backend cannot be written to \(E/)
    }
  })

  test('refuse a link and a manifest that points elsewhere', async (context) => {
    const { path, run } = await folder(context)
    await mkdir(join(path, 'real/skills'), { recursive: true })
    await mkdir(join(path, 'linked'))
    await symlink(join(path, 'real/skills'), join(path, 'linked', SKILL_NAME))
    const linked = await run('skill install --yes --dir linked')
    assert.deepEqual([linked.code, /is no folder of its own/.test(linked.err)], [2, true])
    await writeFile(join(path, 'precious.txt'), 'x')
    await mkdir(join(path, 'evil', SKILL_NAME), { recursive: true })
    await writeFile(
      join(path, 'evil', SKILL_NAME, '.holdfast-skill.json'),
      '{ "files": { "../../precious.txt": "" }, "made": [] }',
    )
    const evil = await run('skill uninstall --yes --dir evil')
    assert.match(evil.err, /is damaged/)
    assert.equal(await readFile(join(path, 'precious.txt'), 'utf8'), 'x')
  })
})
