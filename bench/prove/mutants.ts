import { testServer } from '../../src/testing/test-database.ts'
import { outcomesOf, seenIn } from '../../test/race/soundness/compare.ts'
import { directed } from '../../test/race/soundness/directed.ts'
import type { MutantTask } from '../../test/race/soundness/mutant.fixture.ts'
import { type Mutant, mutants } from '../../test/race/soundness/mutants.ts'
import { SCHEDULES_MAX, schedulesOf } from '../../test/race/soundness/program.ts'
import { runMutant } from '../../test/race/soundness/run-mutant.ts'
import { table } from '../lib/statistics.ts'

async function programsWithOutcomes(): Promise<MutantTask['programs']> {
  const server = await testServer()
  const programs: MutantTask['programs'][number][] = []
  // In larger ones it is a matter of time whom the server refuses: they take more than one try.
  const small = directed.filter(({ sessions }) => schedulesOf(sessions) <= SCHEDULES_MAX)
  for (const program of small) {
    const outcomes = seenIn(await outcomesOf(program, server, true)) ?? []
    programs.push({ program, outcomes })
  }
  return programs
}

/** Each waits for its own server processes most of the time. */
const AT_ONCE = 3

/** Undefined: it survives. */
async function killerOf(mutant: Mutant, programs: MutantTask['programs']) {
  const server = await testServer()
  const { killedBy, how } = await runMutant({ mutant, server, programs })
  const killer = directed.find(({ seed }) => seed === killedBy)
  if (killedBy !== undefined && killer === undefined) throw new Error(`${mutant.title}: ${how}`)
  return killer?.title
}

export async function mutantTable(): Promise<string> {
  const programs = await programsWithOutcomes()
  const killers = new Map<Mutant, string | undefined>()
  const rest = [...mutants]
  const work = async () => {
    for (let mutant = rest.shift(); mutant !== undefined; mutant = rest.shift())
      killers.set(mutant, await killerOf(mutant, programs))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const rows = mutants.map((mutant) => {
    const killer = killers.get(mutant)
    return [mutant.title, `\`${mutant.file}\``, killer ?? 'SURVIVES']
  })
  const killed = mutants.filter((mutant) => killers.get(mutant) !== undefined).length
  const lines = table(['in this explorer', 'changed in', 'found out by'], rows)
  return `${killed} of ${mutants.length} are found out by the ${programs.length} directed programs.\n\n${lines}`
}
