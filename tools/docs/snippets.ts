/** The blocks of a guide as files of a project, as excerpts of our own files, and as output. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Block } from './markdown.ts'

/** A block that begins with a comment that is a path is that file, comment included. */
const PATH = /^(?:\/\/|--) ([\w./-]+\.\w+)\n/

export function pathOf({ text }: Block): string | undefined {
  return PATH.exec(text)?.[1]
}

export function writeFiles(folder: string, files: readonly Block[]): void {
  for (const block of files) {
    const path = join(folder, pathOf(block) as string)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, block.text)
  }
}

/** An excerpt, without the comment that says of which file. */
export function excerptOf({ text }: Block): string {
  return text.replace(PATH, '')
}

/**
 * Whether `output` is what a block shows. `...` stands for the rest of a line, or for lines; numbers
 * and times may differ, and so may the width of columns.
 */
export function shows(shown: string, output: string): boolean {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) => (line === '...' ? '(?:.*\\n)*?' : `${pattern(line)}\\n`))
  return new RegExp(`^${lines.join('')}$`).test(`${output.trimEnd()}\n`)
}

function pattern(line: string): string {
  return line
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('\\.\\.\\.', '.*')
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:]+Z/g, '[0-9T:Z-]+')
    .replaceAll(/(?<![\w[-])\d+(?![\w-])/g, '\\d+')
    .replaceAll(/(?<=\S) {2,}/g, ' +')
}
