/** Which of its faces leads to each entry of the rulebook: pages, review, advice, the skill. */
import { calculators } from '../advise/calculators/calculators.ts'
import { decisions } from '../advise/decisions/decisions.ts'
import { playbooks } from '../advise/playbooks/playbooks.ts'
import { ruleIds } from '../review/review.ts'
import type { Entry, Rule } from '../rules/rule.ts'
import { rules } from '../rules/rules.ts'
import { symptoms } from '../rules/symptom.ts'

export interface Covered {
  readonly id: string
  readonly kind: Entry['kind']
  /** Its page, from the root of the repository. */
  readonly page: string
  /** Whether `holdfast review` looks for it in code. */
  readonly review: boolean
  /** What of `holdfast advise` leads to it: itself, or topics that name it. */
  readonly advise: readonly string[]
  /** Where the skill has it. */
  readonly skill: string
}

const SKILL = 'skill/holdfast-backend'
const advised: readonly Entry[] = [...decisions, ...calculators, ...playbooks]

export function coverage(): readonly Covered[] {
  return [...rules.map(ofRule), ...advised.map(ofAdvice)]
}

function ofRule({ id, kind, detectors, symptoms: shown }: Rule): Covered {
  const topics = advised.filter(({ related }) => related.includes(id)).map((one) => one.id)
  const runbooks = shown.flatMap((symptom) => {
    const { runbook } = symptoms[symptom] as { readonly runbook?: string }
    return runbook ?? []
  })
  return {
    id,
    kind,
    page: `docs/rules/${id}.md`,
    review: detectors.some((detector) => ruleIds.includes(detector)),
    advise: [...new Set([...topics, ...runbooks])],
    skill: `${SKILL}/references/rules.md (made when it is installed)`,
  }
}

function ofAdvice({ id, kind }: Entry): Covered {
  const page = `${SKILL}/references/${kind}-${id}.md`
  return { id, kind, page, review: false, advise: [id], skill: page }
}

/** As a table of Markdown, which is read in a terminal as well. */
export function coverageTable(entries: readonly Covered[]): readonly string[] {
  const kinds = [...new Set(entries.map(({ kind }) => kind))]
  return [
    '| entries | in all | page | review | advise | skill |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...kinds.map((kind) =>
      rowOf(
        kind,
        entries.filter((entry) => entry.kind === kind),
      ),
    ),
    rowOf('all', entries),
  ]
}

function rowOf(title: string, entries: readonly Covered[]): string {
  const count = (has: (entry: Covered) => boolean) => entries.filter(has).length
  const cells = [
    entries.length,
    count(({ page }) => page !== ''),
    count(({ review }) => review),
    count(({ advise }) => advise.length > 0),
    count(({ skill }) => skill !== ''),
  ]
  return `| ${title} | ${cells.join(' | ')} |`
}
