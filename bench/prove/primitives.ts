import { primitives } from '../../test/race/benchmark.ts'
import { type Explored, explore } from '../../test/race/explore.ts'
import { table } from '../lib/statistics.ts'

function told({ verdict, wrong }: Explored): string {
  if (wrong !== undefined) return wrong
  if (verdict.verdict !== 'VIOLATION') return verdict.verdict
  return `VIOLATION: ${verdict.findings[0].class}`
}

export async function primitiveTable(): Promise<string> {
  const rows: string[][] = []
  for (const expectation of primitives) {
    const explored = await explore(expectation)
    const [primitive = '', form = ''] = expectation.title.split(': ')
    const { schedules, pruned } = explored.verdict
    rows.push([primitive, form, told(explored), String(schedules), String(pruned)])
  }
  return table(['primitive', 'form', 'verdict', 'schedules', 'pruned'], rows)
}
