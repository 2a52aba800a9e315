/** `holdfast/prove`: runs commands on a real Postgres under every interleaving, and every crash, that matters. */

export { type AppCrashDefinition, appCrash } from './prove/app/app-crash.ts'
export type { Asking } from './prove/app/open-app.ts'
export {
  call,
  type ScenarioCall,
  type ScenarioDefinition,
  type ScenarioStep,
  scenario,
} from './prove/app/scenario.ts'
export {
  type DeliveryOptions,
  deliver,
  runJob,
  type ScenarioDelivery,
  type ScenarioJob,
  type WorkOwner,
} from './prove/app/work.ts'
export {
  type Crash,
  type CrashDefinition,
  type CrashDeliveries,
  type CrashDelivery,
  type CrashMessage,
  type CrashProgram,
  type CrashWorld,
  crash,
} from './prove/crash/crash.ts'
export { exploreCrashes } from './prove/crash/explore-crashes.ts'
export type {
  CrashCertified,
  CrashClass,
  CrashFinding,
  CrashInconclusive,
  CrashOptions,
  CrashProgress,
  CrashVerdict,
  CrashViolation,
} from './prove/crash/verdict.ts'
export { exploreRace } from './prove/explore-race.ts'
export { explorePairs } from './prove/pairs/explore-pairs.ts'
export type { ExploredPair, ExplorePairsOptions } from './prove/pairs/explored-pair.ts'
export { type Pairs, type PairsDefinition, pairs } from './prove/pairs/pairs.ts'
export {
  type FindingClass,
  type Race,
  type RaceCommand,
  type RaceDefinition,
  type RaceEffect,
  type RaceInvariant,
  type RaceSetup,
  type RaceSql,
  type RaceWorld,
  race,
} from './prove/race.ts'
export { type TextOptions, verdictText } from './prove/report/verdict-text.ts'
export type {
  Certified,
  ExploreOptions,
  Finding,
  Fix,
  Inconclusive,
  Progress,
  RaceServer,
  TraceStep,
  Verdict,
  Violation,
} from './prove/verdict.ts'
