import { readFile } from 'node:fs/promises'

export interface RuleCode {
  readonly broken: string
  readonly fixed: string
  /** What both may import besides libraries; empty where they import nothing. */
  readonly helper: string
}

const HELPER = '../transaction.ts'

/** The code of a rule. The package carries its sources, so it is the same from src and from dist. */
export async function readRuleCode(id: string): Promise<RuleCode> {
  const read = (file: string) =>
    readFile(new URL(`../../src/rules/code/${id}/${file}`, import.meta.url), 'utf8')
  const [broken, fixed] = await Promise.all([read('broken.ts'), read('fixed.ts')])
  const isUsed = `${broken}${fixed}`.includes(`'${HELPER}'`)
  return { broken, fixed, helper: isUsed ? await read(HELPER) : '' }
}
