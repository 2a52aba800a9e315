import { testServer } from '../../src/testing/test-database.ts'
import { compare } from '../../test/race/soundness/compare.ts'
import { directed } from '../../test/race/soundness/directed.ts'
import { programOf } from '../../test/race/soundness/program.ts'
import { table } from '../lib/statistics.ts'

interface Sums {
  programs: number
  different: number
  all: number
  reduced: number
}

async function sumOf(programs: Iterable<Parameters<typeof compare>[0]>): Promise<Sums> {
  const server = await testServer()
  const sums: Sums = { programs: 0, different: 0, all: 0, reduced: 0 }
  for (const program of programs) {
    const { difference, all, reduced } = await compare(program, server)
    if (difference) console.error(difference)
    sums.programs += 1
    sums.different += difference ? 1 : 0
    sums.all += all
    sums.reduced += reduced
  }
  return sums
}

function* generated(count: number) {
  for (let seed = 1; seed <= count; seed += 1) yield programOf(seed)
}

function rowOf(name: string, { programs, different, all, reduced }: Sums): string[] {
  const factor = (all / reduced).toFixed(1)
  return [name, ...[programs, different, all, reduced].map(String), factor]
}

/** `count`: of the generated programs. */
export async function soundnessTable(count: number): Promise<string> {
  const rows = [
    rowOf('directed', await sumOf(directed)),
    rowOf(`generated, seeds 1 to ${count}`, await sumOf(generated(count))),
  ]
  return table(
    ['programs', 'number', 'with another set of outcomes', 'schedules', 'reduced to', 'factor'],
    rows,
  )
}
