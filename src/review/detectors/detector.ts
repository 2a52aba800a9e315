import type { Effects } from '../project/effects.ts'
import type { Functions, Step } from '../project/functions.ts'
import type { Handlers } from '../project/handlers.ts'
import type { Project } from '../project/project.ts'
import type { Regions } from '../project/regions.ts'
import type { RequestValues } from '../project/request-values.ts'
import type { Values } from '../project/value.ts'
import type { Confidence, Level } from '../report/finding.ts'
import type { SqlParser } from '../sql/sql-parser.ts'
import type { Module } from '../syntax/module.ts'
import type { Node } from '../syntax/node.ts'

/** All that is known of the tree; everything in it is found when it is first asked for. */
export interface Knowledge {
  readonly project: Project
  readonly values: Values
  readonly effects: Effects
  readonly functions: Functions
  readonly handlers: Handlers
  readonly requests: RequestValues
  readonly regions: Regions
  /** Undefined where libpg-query is not installed. */
  readonly sql: SqlParser | undefined
}

export interface Claim {
  readonly message: string
  readonly fix: string
  readonly confidence: Confidence
  /** Where it differs from that of the detector. */
  readonly level?: Level
  readonly consequence?: string
  readonly trail?: readonly Step[]
}

/** One module, and a place to report to. */
export interface Look extends Knowledge {
  readonly module: Module
  report(node: Node, claim: Claim): void
}

/** One file that is no module: SQL, a Prisma schema. */
export interface FileLook extends Knowledge {
  readonly path: string
  readonly text: string
  reportAt(start: number, end: number, claim: Claim): void
}

/** The tree as a whole: what is missing from it. */
export interface TreeLook extends Knowledge {
  /** The modules that are reviewed. */
  readonly modules: readonly Module[]
  reportIn(module: Module, node: Node, claim: Claim): void
}

export interface Detector {
  /** The entry of the rulebook. */
  readonly id: string
  readonly level: Level
  /** What happens in production. */
  readonly consequence: string
  /** Also where no server is: scripts, libraries, front ends. */
  readonly everywhere?: boolean
  check?(look: Look): void
  checkFile?(look: FileLook): void
  checkTree?(look: TreeLook): void
}
