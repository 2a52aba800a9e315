/** The files of the skill: what stands in `skill/`, and the list of rules as it is now. */
import { readFile } from 'node:fs/promises'
import { calculators } from '../advise/calculators/calculators.ts'
import { decisions } from '../advise/decisions/decisions.ts'
import { calculatorPage, decisionPage, playbookPage } from '../advise/page.ts'
import { playbooks } from '../advise/playbooks/playbooks.ts'
import type { Rule } from '../rules/rule.ts'
import { rules } from '../rules/rules.ts'

export const SKILL_NAME = 'holdfast-backend'

const OWN = ['SKILL.md', 'scripts/holdfast.mjs']

/** Pages that are loaded on demand, by path from the folder of the skill. */
export function skillReferences(): ReadonlyMap<string, string> {
  return new Map([
    ...decisions.map((one) => reference('decision', one.id, decisionPage(one))),
    ...calculators.map((one) => reference('calculator', one.id, calculatorPage(one))),
    ...playbooks.map((one) => reference('playbook', one.id, playbookPage(one))),
  ])
}

function reference(kind: string, id: string, text: string): [path: string, text: string] {
  return [`references/${kind}-${id}.md`, text]
}

/** Everything that is installed. The list of rules is made here, so that it is never older than they are. */
export async function skillFiles(): Promise<ReadonlyMap<string, string>> {
  const own = OWN.map(async (path): Promise<[string, string]> => {
    const file = new URL(`../../skill/${SKILL_NAME}/${path}`, import.meta.url)
    return [path, await readFile(file, 'utf8')]
  })
  return new Map([
    ...(await Promise.all(own)),
    ...skillReferences(),
    ['references/rules.md', rulesPage()],
  ])
}

function rulesPage(): string {
  const areas = [...new Set(rules.map(({ area }) => area))].sort()
  const lines = areas.flatMap((area) => [
    '',
    `## ${area}`,
    '',
    ...rules.filter((one) => one.area === area).map(ruleLine),
  ])
  return [
    '# Rules',
    '',
    'One line each; `holdfast rules <id>` shows why, when not, and code that breaks and holds.',
    ...lines,
    '',
  ].join('\n')
}

function ruleLine({ id, severity, rule }: Rule): string {
  return `- \`${id}\` (${severity}): ${rule}`
}
