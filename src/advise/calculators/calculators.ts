import type { Calculator } from '../calculator.ts'
import {
  cacheCalculator,
  poolCalculator,
  queueCalculator,
  retryCalculator,
  scaleCalculator,
} from './load.ts'
import { costCalculator, latencyCalculator, tcoCalculator } from './money.ts'
import { availabilityCalculator, sloCalculator } from './reliability.ts'

export const calculators: readonly Calculator[] = [
  costCalculator,
  tcoCalculator,
  scaleCalculator,
  availabilityCalculator,
  sloCalculator,
  poolCalculator,
  retryCalculator,
  queueCalculator,
  cacheCalculator,
  latencyCalculator,
]
