/** What every explorer has to say of its subject, in the words that all reports share. */
import type { CrashFinding, CrashVerdict } from '../crash/verdict.ts'
import type { Finding, Fix, TraceStep, Verdict } from '../verdict.ts'

export type AnyVerdict = Verdict | CrashVerdict

export interface Reported {
  readonly verdict: 'VIOLATION' | 'CERTIFIED' | 'INCONCLUSIVE'
  readonly durationMs: number
  /** How much was run. */
  readonly counts: string
  /** What is certified, or what stood in the way. */
  readonly says: string
  readonly findings: readonly ReportedFinding[]
  /** The function that explores such a subject. */
  readonly explorer: 'exploreRace' | 'exploreCrashes'
  /** What a certificate would say, as the name of a test. */
  readonly holds: string
}

export interface ReportedFinding {
  readonly title: string
  readonly message: string
  readonly evidence: readonly string[]
  readonly trace: readonly TraceStep[]
  readonly fixes: readonly Fix[]
  /** How hard it was to come by. */
  readonly effort: string
  readonly replay: string
  /** The rows of the seed that it needs, where somebody has looked for them. */
  readonly seedRows?: readonly string[]
}

export function reported(verdict: AnyVerdict): Reported {
  return 'schedules' in verdict ? raceReported(verdict) : crashReported(verdict)
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`
}

function raceReported(verdict: Verdict): Reported {
  const { schedules, pruned, durationMs } = verdict
  return {
    verdict: verdict.verdict,
    durationMs,
    counts: `${schedules} schedules, ${pruned} pruned, ${seconds(durationMs)}`,
    says: raceSays(verdict),
    findings: verdict.verdict === 'VIOLATION' ? verdict.findings.map(raceFinding) : [],
    explorer: 'exploreRace',
    holds: 'holds under every interleaving',
  }
}

function raceSays(verdict: Verdict): string {
  if (verdict.verdict === 'INCONCLUSIVE') return verdict.reason
  if (verdict.verdict === 'VIOLATION') return verdict.findings[0].message
  const preemptions =
    verdict.preemptions === 'all'
      ? 'any number of preemptions'
      : `at most ${verdict.preemptions} preemptions`
  return `for ${verdict.commands.join(', ')} with these inputs, statement by statement, ${preemptions}, 0 inconclusive`
}

function raceFinding(finding: Finding): ReportedFinding {
  const { preemptions, replayed, scope } = finding
  const count = `${preemptions} ${preemptions === 1 ? 'preemption' : 'preemptions'}`
  return {
    ...finding,
    title: `${words(finding.class)}${scope ? ', across transactions' : ''}`,
    effort: `${count}, replayed ${replayed} times`,
  }
}

function crashReported(verdict: CrashVerdict): Reported {
  const { runs, durationMs } = verdict
  return {
    verdict: verdict.verdict,
    durationMs,
    counts: `${runs} runs, ${seconds(durationMs)}`,
    says: crashSays(verdict),
    findings: verdict.verdict === 'VIOLATION' ? verdict.findings.map(crashFinding) : [],
    explorer: 'exploreCrashes',
    holds: 'survives every crash, lost answer and second delivery',
  }
}

function crashSays(verdict: CrashVerdict): string {
  if (verdict.verdict === 'INCONCLUSIVE') return verdict.reason
  if (verdict.verdict === 'VIOLATION') return verdict.findings[0].message
  const { boundaries, deliveries } = verdict
  const ways = deliveries === 0 ? '' : `, ${deliveries} other ways for its messages to come`
  return `for one fault at each of its ${boundaries.length} steps${ways}, then recovery, and everything asked and delivered once more`
}

function crashFinding(finding: CrashFinding): ReportedFinding {
  const { fault, replayed } = finding
  return {
    ...finding,
    title: words(finding.class),
    effort: `${fault === undefined ? 'no' : '1'} fault, replayed ${replayed} times`,
  }
}

function words(kind: string): string {
  return kind.replaceAll('-', ' ')
}
