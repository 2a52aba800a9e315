import type { Exception } from './finding.ts'

/** At most this many: with more, a rule is wrong or is not meant. */
export const EXCEPTIONS_MAX = 10

/** A list that should shrink: an exception that nothing needs any more fails the check. */
export const exceptions: readonly Exception[] = [
  ...['src/cli/project-compiler.ts', 'src/cli/project-code.test.ts'].map((path) => ({
    rule: 'banned',
    path,
    reason: 'The compiler of the project that is read: below 7 it has an interface.',
  })),
  {
    rule: 'store',
    path: 'test/race/primitives/loops.ts',
    reason: 'The fences of the loops are explored in the very words that their stores send.',
  },
]
