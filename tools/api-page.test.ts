import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { API_PAGE, apiPage, doors } from './api-page.ts'
import { type Declarations, emitDeclarations, exportsOf, readSource } from './docs/declarations.ts'
import { root } from './docs/project-copy.ts'

let sources: Declarations
before(() => {
  sources = emitDeclarations()
})

test('the page of the API is current', () => {
  const page = readFileSync(join(root, API_PAGE), 'utf8')
  assert.equal(page, apiPage(sources), 'Run: npm run pages')
})

test('everything that is exported says what it is', () => {
  const silent = doors().flatMap(({ name, file }) =>
    exportsOf(sources, file)
      .filter(({ doc }) => doc === '')
      .map((each) => `${name}: ${each.name}, ${each.file}`),
  )
  assert.deepEqual(silent, [], 'Write a docstring: shape, units, errors.')
})

test('a declaration is read with its comment, its overloads and what it names', () => {
  const { declared, exported, header } = readSource(
    'src/thing.ts',
    `/** What things are. */
import { Other } from './other.ts';
export { type Kind, make as create } from './kind.ts';
/**
 * Finds one.
 * Throws where there is none.
 */
export declare function find(id: string): Other;
export declare function find(id: number): Other;
export declare class Thing extends Base<Kind> {
    #private;
    /** In cm. */
    readonly height: number;
    private constructor();
}
`,
  )
  assert.equal(header, 'What things are.')
  assert.deepEqual(exported.get('create'), { file: 'src/kind.ts', name: 'make' })
  assert.deepEqual(declared.get('find'), {
    name: 'find',
    file: 'src/thing.ts',
    text: 'function find(id: string): Other;\nfunction find(id: number): Other;',
    doc: 'Finds one.\nThrows where there is none.',
    isType: false,
    names: ['Other'],
  })
  const thing = declared.get('Thing')
  assert.equal(
    thing?.text,
    'class Thing extends Base<Kind> {\n  /** In cm. */\n  readonly height: number;\n}',
  )
  assert.deepEqual(thing?.names, ['Base', 'Kind'])
})
