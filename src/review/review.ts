/**
 * Reviews a tree of somebody's code: finds its files, learns what it can of them, and asks each
 * detector. Nothing of the tree is run, installed or changed.
 */
import { createHash } from 'node:crypto'
import type { Claim, Detector, Knowledge } from './detectors/detector.ts'
import { detectors } from './detectors/detectors.ts'
import { Backend } from './project/backend.ts'
import { Effects } from './project/effects.ts'
import { findFiles, type PassedOver } from './project/find-files.ts'
import { Functions } from './project/functions.ts'
import { Handlers } from './project/handlers.ts'
import { isTestPath, Project } from './project/project.ts'
import { Regions } from './project/regions.ts'
import { RequestValues } from './project/request-values.ts'
import { Values } from './project/value.ts'
import type { Finding } from './report/finding.ts'
import { applySuppressions, type Suppressions, suppressionsOf } from './report/suppression.ts'
import { isInMigrations, newestMigrations } from './sql/migration.ts'
import { loadSqlParser } from './sql/sql-parser.ts'
import { Module } from './syntax/module.ts'
import { loadParser } from './syntax/parser.ts'

export interface ReviewOptions {
  readonly root: string
  /** Only these files are looked at; what they import is read as well. From the root, with slashes. */
  readonly only?: readonly string[]
  /** Rules that are switched off. */
  readonly off?: ReadonlySet<string>
  /** Whether a file is reviewed at all, besides tests, which never are. */
  isIgnored?(path: string): boolean
  progress?(done: number, all: number): void
}

export interface Review {
  readonly findings: readonly Finding[]
  readonly passedOver: readonly PassedOver[]
  readonly files: number
  readonly lines: number
  readonly suppressed: number
}

/** Every rule that is looked for. */
export const ruleIds: readonly string[] = detectors.map(({ id }) => id)

export async function review(options: ReviewOptions): Promise<Review> {
  const parser = await loadParser()
  const project = new Project(options.root, findFiles(options.root), parser)
  const wanted = wantedPaths(project, options)
  const hasSql = wanted.some((path) => path.endsWith('.sql')) || wanted.length > 0
  const knowledge = learn(project, hasSql ? await loadSqlParser() : undefined)
  const run = new Run(knowledge, options)
  run.load(wanted)
  for (const detector of detectors) if (!options.off?.has(detector.id)) run.ask(detector, wanted)
  return run.result()
}

function learn(project: Project, sql: Knowledge['sql']): Knowledge {
  const values = new Values(project)
  const effects = new Effects(project, values)
  const functions = new Functions(project, values, effects)
  const handlers = new Handlers(project, values)
  const requests = new RequestValues(handlers, functions)
  return {
    project,
    values,
    effects,
    functions,
    handlers,
    requests,
    regions: new Regions(project, effects),
    sql,
  }
}

function wantedPaths(project: Project, { only, isIgnored }: ReviewOptions): readonly string[] {
  const chosen = only === undefined ? undefined : new Set(only)
  return project.paths.filter(
    (path) => (chosen?.has(path) ?? true) && !isTestPath(path) && isIgnored?.(path) !== true,
  )
}

/** Lines before and after the one that is shown. */
const FRAME_LINES = 2
/** Told once so often, a rule has been understood, or is wrong about this tree. */
const FINDINGS_PER_RULE_MAX = 2_000

class Run {
  readonly #knowledge: Knowledge
  readonly #options: ReviewOptions
  readonly #backend: Backend
  readonly #newest: ReadonlySet<string>
  readonly #findings: Finding[] = []
  readonly #suppressions = new Map<string, Suppressions>()
  readonly #seen = new Set<string>()
  readonly #counts = new Map<string, number>()
  #modules: readonly Module[] = []

  constructor(knowledge: Knowledge, options: ReviewOptions) {
    this.#knowledge = knowledge
    this.#options = options
    this.#backend = new Backend(knowledge.project)
    this.#newest = newestMigrations(knowledge.project.paths)
  }

  load(wanted: readonly string[]): void {
    const { project } = this.#knowledge
    const code = project.codePaths.filter((path) => wanted.includes(path))
    this.#modules = code.flatMap((path, index) => {
      this.#options.progress?.(index, code.length)
      return project.module(path) ?? []
    })
    for (const module of this.#modules)
      this.#suppressions.set(module.path, suppressionsOf(module.text))
  }

  ask(detector: Detector, wanted: readonly string[]): void {
    const servers = this.#modules.filter((module) => this.#isAsked(detector, module))
    if (detector.check !== undefined) for (const module of servers) this.#check(detector, module)
    if (detector.checkFile !== undefined) {
      for (const path of wanted) if (/\.(?:sql|prisma)$/.test(path)) this.#checkFile(detector, path)
    }
    this.#guarded(detector, '.', () =>
      detector.checkTree?.({
        ...this.#knowledge,
        modules: servers,
        reportIn: (module, node, claim) => this.#add(detector, module, node.start, node.end, claim),
      }),
    )
  }

  #isAsked(detector: Detector, module: Module): boolean {
    // A migration that has run will not be changed any more.
    const isOld =
      this.#options.only === undefined &&
      isInMigrations(module.path) &&
      !this.#newest.has(module.path)
    return !isOld && (detector.everywhere === true || this.#backend.isServer(module))
  }

  #check(detector: Detector, module: Module): void {
    this.#guarded(detector, module.path, () =>
      detector.check?.({
        ...this.#knowledge,
        module,
        report: (node, claim) => this.#add(detector, module, node.start, node.end, claim),
      }),
    )
  }

  #checkFile(detector: Detector, path: string): void {
    const text = this.#knowledge.project.text(path)
    if (text === undefined) return
    const source = { path, text }
    if (!this.#suppressions.has(path)) this.#suppressions.set(path, suppressionsOf(text))
    this.#guarded(detector, path, () =>
      detector.checkFile?.({
        ...this.#knowledge,
        ...source,
        reportAt: (start, end, claim) => this.#add(detector, source, start, end, claim),
      }),
    )
  }

  /** A file that a detector cannot digest must not keep the others from being reviewed. */
  #guarded(detector: Detector, path: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      const why = `${detector.id} gave up on it (${(error as Error).message.slice(0, 120)})`
      this.#knowledge.project.passedOver.push({ path, why })
    }
  }

  #add(
    detector: Detector,
    source: { path: string; text: string },
    start: number,
    end: number,
    claim: Claim,
  ): void {
    const place = placeIn(source, start)
    const key = `${detector.id} ${source.path}:${place.line}`
    const count = this.#counts.get(detector.id) ?? 0
    if (this.#seen.has(key) || count >= FINDINGS_PER_RULE_MAX) return
    this.#seen.add(key)
    this.#counts.set(detector.id, count + 1)
    const last = placeIn(source, end)
    this.#findings.push({
      rule: detector.id,
      level: claim.level ?? detector.level,
      confidence: claim.confidence,
      path: source.path,
      ...place,
      endLine: last.line,
      endColumn: last.column,
      message: claim.message,
      consequence: claim.consequence ?? detector.consequence,
      fix: claim.fix,
      trail: (claim.trail ?? []).map((step) => ({
        path: step.module.path,
        line: step.module.place(step.node.start).line,
        label: step.label,
      })),
      fingerprint: fingerprintOf(detector.id, source, start, end),
      frame: frameOf(source, place.line),
    })
  }

  result(): Review {
    const { project } = this.#knowledge
    const { kept, suppressed } = applySuppressions(
      this.#findings,
      this.#suppressions,
      frameOfPath(project, this.#modules),
    )
    const findings = distinct(kept).toSorted(
      (left, right) =>
        compare(left.path, right.path) || left.line - right.line || compare(left.rule, right.rule),
    )
    const passedOver = [
      ...new Map(project.passedOver.map((each) => [`${each.path} ${each.why}`, each])).values(),
    ]
    return { findings, passedOver, files: this.#modules.length, lines: project.lines, suppressed }
  }
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** Equal lines of one file are told apart by their order. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, number>()
  return findings.map((finding) => {
    const times = (seen.get(finding.fingerprint) ?? 0) + 1
    seen.set(finding.fingerprint, times)
    return times === 1 ? finding : { ...finding, fingerprint: `${finding.fingerprint}.${times}` }
  })
}

function placeIn(source: { text: string }, offset: number): { line: number; column: number } {
  if (source instanceof Module) return source.place(offset)
  const before = source.text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function frameOf({ text }: { text: string }, line: number): Finding['frame'] {
  const lines = text.split('\n')
  const firstLine = Math.max(1, line - FRAME_LINES)
  return {
    firstLine,
    lines: lines
      .slice(firstLine - 1, line + FRAME_LINES)
      .map((each) => each.replace(/\r$/, '').slice(0, 160)),
  }
}

function frameOfPath(
  project: Project,
  modules: readonly Module[],
): (path: string, line: number) => Finding['frame'] {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  return (path, line) => frameOf({ text: byPath.get(path)?.text ?? project.text(path) ?? '' }, line)
}

function fingerprintOf(
  rule: string,
  { path, text }: { path: string; text: string },
  start: number,
  end: number,
): string {
  const words = text.slice(start, Math.min(end, start + 200)).replaceAll(/\s+/g, ' ')
  return createHash('sha256').update(`${rule}\n${path}\n${words}`).digest('hex').slice(0, 16)
}
