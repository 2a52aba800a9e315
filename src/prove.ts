/** `holdfast/prove`: runs commands on a real Postgres under every interleaving that matters. */
export { exploreRace } from './prove/explore-race.ts'
export {
  type FindingClass,
  type Race,
  type RaceCommand,
  type RaceDefinition,
  type RaceEffect,
  type RaceInvariant,
  type RaceSql,
  type RaceWorld,
  race,
} from './prove/race.ts'
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
