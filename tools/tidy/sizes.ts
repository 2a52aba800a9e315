/** Longer is a design question: a function that does several things, a file that is the system. */
import { type Finding, finding } from './finding.ts'
import { functionsIn } from './functions.ts'
import type { SourceFile } from './source-file.ts'

const FUNCTION_LINES_MAX = 70
const FILE_LINES_MAX = 500

function checkFile(file: SourceFile): Finding[] {
  const lines = file.text.split('\n').length - 1
  if (lines <= FILE_LINES_MAX) return []
  return [
    finding(
      'file-length',
      file,
      0,
      `${lines} lines; at most ${FILE_LINES_MAX}: divide it by what changes together.`,
    ),
  ]
}

/** What groups tests is no function that anybody reads at once. */
const GROUPS = new Set(['describe', 'suite'])

function checkFunctions(file: SourceFile): Finding[] {
  return functionsIn(file.code)
    .filter(({ name, lines }) => lines > FUNCTION_LINES_MAX && !(file.isTest && GROUPS.has(name)))
    .map(({ name, line, lines }) => ({
      rule: 'function-length',
      path: file.path,
      line,
      message: `${name} has ${lines} lines; at most ${FUNCTION_LINES_MAX}: name its steps.`,
    }))
}

export function checkSizes(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) => [...checkFile(file), ...checkFunctions(file)])
}
