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
import { isCodePath, isTestPath, NOT_ALL_READ, Project } from './project/project.ts'
import { Regions } from './project/regions.ts'
import { RequestValues } from './project/request-values.ts'
import { Values } from './project/value.ts'
import type { Finding, Level } from './report/finding.ts'
import {
  faultySuppressions,
  partition,
  type Suppressions,
  suppressionsOf,
} from './report/suppression.ts'
import { isInMigrations, isMigrationPath, newestMigrations } from './sql/migration.ts'
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
  /**
   * Called with what is found, as soon as it is sure: of each file in turn, while the others are not
   * read yet; then with what needed them all. Told are exactly the findings of the review, but for
   * the path from a route, which may follow.
   */
  found?(findings: readonly Finding[]): void
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
  const knowledge = learn(project, wanted.length > 0 ? await loadSqlParser() : undefined)
  const run = new Run(knowledge, options, wanted)
  run.read()
  run.askAgain()
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

/** What draws is hardly ever at fault here, and is half of many a tree: it can wait. */
function interfacesLast(paths: readonly string[]): readonly string[] {
  const isInterface = (path: string) => /\.[jt]sx$/.test(path)
  return [
    ...paths.filter((path) => !isInterface(path)),
    ...paths.filter((path) => isInterface(path)),
  ]
}

/** Code beside what runs in production, or that no users reach: it may well be as it should be there. */
const ASIDE =
  /(?:^|\/)(?:[\w-]*[-_](?:tests?|e2e|specs?)|(?:tests?|e2e|bench)[-_][\w-]*|\w*-?demos?|\w*-?samples?|examples?(?:[-_]\w+)?|docs?|tutorials?|sandbox|scripts?|cli|tools?|tooling|bin|seeds?|seeders?|migrations?|fixtures?|stubs?|fakes?|mocks?|dev(?:elopment|tools)?|legacy|deprecated|archived?|third[-_]party|public|static|assets|www|install|setup)\/|(?:^|\/)(?:\w+[-.])?(?:dev|demo|tests?|e2e|bench|seed\w*|mock\w*|fake\w*|stub|sample|example|playground|sandbox|debug)(?:[-.]\w+)*\.[mc]?[jt]sx?$/i

/** An error is something that the reviewer is sure of. */
function levelAt(path: string, level: Level): Level {
  return level === 'error' && ASIDE.test(path) ? 'warning' : level
}

/** Lines before and after the one that is shown. */
const FRAME_LINES = 2
/** Told once so often, a rule has been understood, or is wrong about this tree. */
const FINDINGS_PER_RULE_MAX = 2_000

class Run {
  readonly #knowledge: Knowledge
  readonly #options: ReviewOptions
  readonly #wanted: readonly string[]
  readonly #detectors: readonly Detector[]
  readonly #backend: Backend
  readonly #newest: ReadonlySet<string>
  readonly #suppressions = new Map<string, Suppressions>()
  /** Of each finding, by its place. */
  readonly #trails = new Map<string, Finding['trail']>()
  readonly #counts = new Map<string, number>()
  readonly #fingerprints = new Map<string, number>()
  readonly #modules: Module[] = []
  /** What could not be answered before all was read. */
  readonly #open: (() => void)[] = []
  /** Not told yet. */
  #fresh: Finding[] = []
  readonly #told: Finding[] = []
  readonly #excused: Finding[] = []

  constructor(knowledge: Knowledge, options: ReviewOptions, wanted: readonly string[]) {
    this.#knowledge = knowledge
    this.#options = options
    this.#wanted = wanted
    this.#detectors = detectors.filter(({ id }) => options.off?.has(id) !== true)
    this.#backend = new Backend(knowledge.project)
    this.#newest = newestMigrations(knowledge.project.paths)
  }

  /** Reads the files in turn, and tells of each what it says by itself. */
  read(): void {
    for (const [index, path] of interfacesLast(this.#wanted).entries()) {
      this.#options.progress?.(index, this.#wanted.length)
      if (isCodePath(path)) this.#readModule(path)
      else this.#readFile(path)
      this.#tell()
    }
    this.#modules.sort((left, right) => compare(left.path, right.path))
    this.#knowledge.project.whole()
  }

  #readModule(path: string): void {
    const module = this.#knowledge.project.module(path)
    if (module === undefined) return
    this.#modules.push(module)
    this.#suppressions.set(path, suppressionsOf(module.text))
    for (const detector of this.#detectors) {
      if (detector.check !== undefined && this.#isAsked(detector, module))
        this.#check(detector, module)
    }
  }

  #readFile(path: string): void {
    const text = this.#knowledge.project.text(path)
    if (text === undefined) return
    this.#suppressions.set(path, suppressionsOf(text))
    if (this.#isOld(path)) return
    this.#tellUnread(path, text)
    for (const detector of this.#detectors) this.#checkFile(detector, { path, text })
  }

  /** Of such a migration nothing can be said, not even that it is well. */
  #tellUnread(path: string, text: string): void {
    const { sql, project } = this.#knowledge
    if (sql === undefined || !path.endsWith('.sql') || !isMigrationPath(path)) return
    if (sql.parse(text) === undefined)
      project.passedOver.push({ path, why: 'not read as SQL of Postgres' })
  }

  /** What is left, now that every caller of a function is known. */
  askAgain(): void {
    for (const ask of this.#open) ask()
    for (const detector of this.#detectors) {
      if (detector.checkTree !== undefined) this.#checkTree(detector)
    }
    this.#tell()
  }

  #isAsked(detector: Detector, module: Module): boolean {
    return (
      !this.#isOld(module.path) && (detector.everywhere === true || this.#backend.isServer(module))
    )
  }

  /** A migration that has run will not be changed any more. */
  #isOld(path: string): boolean {
    return this.#options.only === undefined && isInMigrations(path) && !this.#newest.has(path)
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

  #checkFile(detector: Detector, source: { path: string; text: string }): void {
    this.#guarded(detector, source.path, () =>
      detector.checkFile?.({
        ...this.#knowledge,
        ...source,
        reportAt: (start, end, claim) => this.#add(detector, source, start, end, claim),
      }),
    )
  }

  #checkTree(detector: Detector): void {
    this.#guarded(detector, '.', () =>
      detector.checkTree?.({
        ...this.#knowledge,
        modules: this.#modules.filter((module) => this.#isAsked(detector, module)),
        reportIn: (module, node, claim) => this.#add(detector, module, node.start, node.end, claim),
      }),
    )
  }

  /** A file that a detector cannot digest must not keep the others from being reviewed. */
  #guarded(detector: Detector, path: string, work: () => void): void {
    if (this.#isAnswered(detector, path, work)) return
    this.#open.push(() => this.#guarded(detector, path, work))
  }

  #isAnswered(detector: Detector, path: string, work: () => void): boolean {
    const { project } = this.#knowledge
    project.isPathOpen = false
    try {
      work()
    } catch (error) {
      if (error === NOT_ALL_READ) return false
      const why = `${detector.id} gave up on it (${(error as Error).message.slice(0, 120)})`
      project.passedOver.push({ path, why })
    }
    return !project.isPathOpen
  }

  #add(
    detector: Detector,
    source: { path: string; text: string },
    start: number,
    end: number,
    claim: Claim,
  ): void {
    const place = placeIn(source, start)
    const trail = stepsOf(claim)
    if (!this.#isFirst({ rule: detector.id, path: source.path, line: place.line }, trail)) return
    const last = placeIn(source, end)
    this.#fresh.push({
      rule: detector.id,
      level: levelAt(source.path, claim.level ?? detector.level),
      confidence: claim.confidence,
      path: source.path,
      ...place,
      endLine: last.line,
      endColumn: last.column,
      message: claim.message,
      consequence: claim.consequence ?? detector.consequence,
      fix: claim.fix,
      trail,
      fingerprint: fingerprintOf(detector.id, source, start, end),
      frame: frameOf(source, place.line),
    })
  }

  /** Where it was told before, its path is known better now. */
  #isFirst(place: Place, trail: Finding['trail']): boolean {
    const key = keyOf(place)
    const count = this.#counts.get(place.rule) ?? 0
    const isFirst = !this.#trails.has(key)
    if (isFirst && count >= FINDINGS_PER_RULE_MAX) return false
    if (isFirst) this.#counts.set(place.rule, count + 1)
    if (isFirst || trail.length > 0) this.#trails.set(key, trail)
    return isFirst
  }

  /** Hands on what has been found since the last time, but for what is excused. */
  #tell(): void {
    if (this.#fresh.length === 0) return
    const { kept, excused } = partition(this.#fresh, this.#suppressions)
    this.#fresh = []
    this.#excused.push(...excused)
    this.#hand(kept.map((finding) => this.#distinct(finding)))
  }

  #hand(findings: readonly Finding[]): void {
    const ordered = findings.toSorted(byPlace)
    this.#told.push(...ordered)
    this.#options.found?.(ordered)
  }

  /** Equal lines of one file are told apart by their order. */
  #distinct(finding: Finding): Finding {
    const times = (this.#fingerprints.get(finding.fingerprint) ?? 0) + 1
    this.#fingerprints.set(finding.fingerprint, times)
    return times === 1 ? finding : { ...finding, fingerprint: `${finding.fingerprint}.${times}` }
  }

  result(): Review {
    const { project } = this.#knowledge
    const all = [...this.#told, ...this.#excused]
    this.#hand(
      faultySuppressions(all, this.#suppressions, frameOfPath(project, this.#modules)).map(
        (finding) => this.#distinct(finding),
      ),
    )
    const passedOver = [
      ...new Map(project.passedOver.map((each) => [`${each.path} ${each.why}`, each])).values(),
    ]
    return {
      findings: this.#told
        .map((each) => ({ ...each, trail: this.#trails.get(keyOf(each)) ?? each.trail }))
        .toSorted(byPlace),
      passedOver,
      files: this.#modules.length,
      lines: project.lines,
      suppressed: this.#excused.length,
    }
  }
}

type Place = Pick<Finding, 'rule' | 'path' | 'line'>

function keyOf({ rule, path, line }: Place): string {
  return `${rule} ${path}:${line}`
}

function stepsOf({ trail = [] }: Claim): Finding['trail'] {
  return trail.map(({ module, node, label }) => ({
    path: module.path,
    line: module.place(node.start).line,
    label,
  }))
}

function byPlace(left: Finding, right: Finding): number {
  return compare(left.path, right.path) || left.line - right.line || compare(left.rule, right.rule)
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
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
