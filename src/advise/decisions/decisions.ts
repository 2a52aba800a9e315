/** Every decision, in the order in which a new backend meets them. */
import type { Decision } from '../decision.ts'
import { authentication, errorStyle, transport, versioning } from './api.ts'
import { database, fileStorage, multiTenancy, searchEngine } from './data.ts'
import { caching, pagination, queryLayer } from './reading.ts'
import { observability, testingMix } from './running.ts'
import { deployment, edgeOrOrigin, framework, scaling, serviceShape } from './shape.ts'
import { broker, consistency, isolation, syncOrAsync } from './work.ts'

export const decisions: readonly Decision[] = [
  database,
  serviceShape,
  scaling,
  transport,
  framework,
  queryLayer,
  authentication,
  multiTenancy,
  caching,
  broker,
  syncOrAsync,
  consistency,
  pagination,
  versioning,
  errorStyle,
  observability,
  testingMix,
  deployment,
  fileStorage,
  searchEngine,
  edgeOrOrigin,
  isolation,
]
