import { readFile } from 'node:fs/promises'

export interface RuleCode {
  readonly broken: string
  readonly fixed: string
}

/** The code of a rule. The package carries its sources, so it is the same from src and from dist. */
export async function readRuleCode(id: string): Promise<RuleCode> {
  const read = (file: string) =>
    readFile(new URL(`../../src/rules/code/${id}/${file}`, import.meta.url), 'utf8')
  const [broken, fixed] = await Promise.all([read('broken.ts'), read('fixed.ts')])
  return { broken, fixed }
}
