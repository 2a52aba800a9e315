/**
 * The vulnerabilities of the ACIDRain study (Warszawski and Bailis, SIGMOD 2017), each rebuilt from
 * its description. All are found as shipped; at SERIALIZABLE those vanish that were for want of a
 * level, and those stay that were for want of a transaction around check and write.
 */
import { acidRain } from '../benchmark.ts'
import { testAll, testCount } from '../explore.ts'

const asShipped = acidRain.filter(({ title }) => title.endsWith('READ COMMITTED'))
const serializable = acidRain.filter(({ title }) => title.endsWith('SERIALIZABLE'))

testCount(asShipped, { broken: 22, safe: 8 })
testCount(serializable, { broken: 17, safe: 5 })
testAll(acidRain)
