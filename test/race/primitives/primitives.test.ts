/** What every promise of the house rests on, beside what looks like it: the one holds, the others break. */
import { primitives } from '../benchmark.ts'
import { testAll } from '../explore.ts'

testAll(primitives)
