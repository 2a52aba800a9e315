import { deadlockSet } from '../benchmark.ts'
import { testAll, testCount } from '../explore.ts'

testCount(deadlockSet, { broken: 5, safe: 5 })
testAll(deadlockSet)
