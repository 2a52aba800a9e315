import { testServer } from '../../src/testing/test-database.ts'
import { outcomesOf, seenIn } from '../../test/race/soundness/compare.ts'
import { directed } from '../../test/race/soundness/directed.ts'
import type { MutantTask } from '../../test/race/soundness/mutant.fixture.ts'
import type { Mutant } from '../../test/race/soundness/mutant.ts'
import { mutants } from '../../test/race/soundness/mutants.ts'
import { SCHEDULES_MAX, schedulesOf } from '../../test/race/soundness/program.ts'
import { runMutant } from '../../test/race/soundness/run-mutant.ts'
import { table } from '../lib/statistics.ts'

// In larger ones it is a matter of time whom the server refuses: they take more than one try.
const small = directed.filter(({ sessions }) => schedulesOf(sessions) <= SCHEDULES_MAX)

/** Each waits for its own server processes most of the time. */
const AT_ONCE = 3

type Programs = MutantTask['programs']

const known = new Map<string, Promise<Programs[number]>>()

function withOutcomes(program: (typeof directed)[number]): Promise<Programs[number]> {
  const made = known.get(program.title) ?? explored(program)
  known.set(program.title, made)
  return made
}

async function explored(program: (typeof directed)[number]): Promise<Programs[number]> {
  const outcomes = seenIn(await outcomesOf(program, { server: await testServer() }, true)) ?? []
  return { program, outcomes }
}

async function killerAmong(mutant: Mutant, programs: typeof directed): Promise<string | undefined> {
  const server = await testServer()
  const task = { mutant, server, programs: await Promise.all(programs.map(withOutcomes)) }
  const { killedBy, how } = await runMutant(task)
  const killer = directed.find(({ seed }) => seed === killedBy)
  if (killedBy !== undefined && killer === undefined) throw new Error(`${mutant.title}: ${how}`)
  return killer?.title
}

/** The program that rests on the rule first, then all others. Undefined: it survives. */
async function killerOf(mutant: Mutant): Promise<string | undefined> {
  const own = small.filter(({ title }) => title === mutant.program)
  const others = small.filter(({ title }) => title !== mutant.program)
  return (await killerAmong(mutant, own)) ?? killerAmong(mutant, others)
}

export async function mutantTable(): Promise<string> {
  const killers = new Map<Mutant, string | undefined>()
  const rest = [...mutants]
  const work = async () => {
    for (let mutant = rest.shift(); mutant !== undefined; mutant = rest.shift())
      killers.set(mutant, await killerOf(mutant))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const rows = mutants.map((mutant) => {
    const killer = killers.get(mutant)
    return [mutant.title, `\`${mutant.file}\``, killer ?? 'SURVIVES']
  })
  const killed = mutants.filter((mutant) => killers.get(mutant) !== undefined).length
  const lines = table(['in this explorer', 'changed in', 'found out by'], rows)
  return `${killed} of ${mutants.length} are found out by the ${small.length} directed programs.\n\n${lines}`
}
