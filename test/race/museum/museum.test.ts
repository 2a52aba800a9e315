/** The snippets that everybody copies: each is broken by a schedule, and no schedule breaks its cure. */
import { museum } from '../benchmark.ts'
import { testAll, testCount } from '../explore.ts'

testCount(museum, { broken: 37, safe: 43 })
testAll(museum)
