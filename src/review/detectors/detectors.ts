import { offsetDeepPage, selectStar, unboundedQuery } from './bounds.ts'
import { breakerNeverCloses } from './breaker.ts'
import { checkThenAct } from './check-then-act.ts'
import { missingPool, preparedStatementPooler, sessionStatePooler } from './connections.ts'
import { wildcardCors } from './cors.ts'
import { ownCrypto, plainPassword, secretInCode, weakHash } from './crypto.ts'
import { dateCursorPrecision } from './cursors.ts'
import type { Detector } from './detector.ts'
import { syncCpuOnEventLoop, syncFsOnEventLoop } from './event-loop.ts'
import { missingIndexForeignKey } from './foreign-keys.ts'
import {
  cookieWithoutFlags,
  errorDetailsToClient,
  httpInService,
  missingRateLimit,
  pathBasedAuthorisation,
} from './http.ts'
import { massAssignment, prototypePollution, redos, scatteredValidation } from './input.ts'
import { jwtAlgConfusion, jwtNoAudience, jwtNoExpiry } from './jwt.ts'
import { highCardinalityLabels, personalDataInLogs } from './logs.ts'
import { longTransaction } from './long-transactions.ts'
import {
  cascadingDelete,
  destructiveMigration,
  indexNotConcurrently,
  massiveMigration,
  notNullRewrite,
  typeChangeRewrite,
} from './migrations.ts'
import { clockArithmetic, floatingPointMoney } from './money.ts'
import { nPlusOne } from './n-plus-one.ts'
import { overExposure } from './over-exposure.ts'
import { poolPerRequest } from './pool-per-request.ts'
import {
  cacheWithoutInvalidation,
  cronOnEveryNode,
  getThenSetIdempotency,
  inMemoryState,
  missingIdempotency,
  outboxByTimestamp,
  skipLockedMissing,
} from './reliability.ts'
import { retryNonIdempotent, retryTwoLayers, retryWithoutBackoff } from './retries.ts'
import {
  leakedClient,
  missingGracefulShutdown,
  missingHealthCheck,
  setWithoutLocal,
  unhandledRejection,
  unvalidatedEnvironment,
} from './runtime.ts'
import { ssrf } from './ssrf.ts'
import { stringSql } from './string-sql.ts'
import {
  externalCallInTransaction,
  missingTransaction,
  notifyInTransaction,
  publishAfterCommit,
  publishBeforeCommit,
} from './transactions.ts'
import { fireAndForget, noTimeout, swallowedError } from './waiting.ts'

/** Everything that is looked for. */
export const detectors: readonly Detector[] = [
  nPlusOne,
  unboundedQuery,
  selectStar,
  offsetDeepPage,
  dateCursorPrecision,
  externalCallInTransaction,
  publishBeforeCommit,
  publishAfterCommit,
  missingTransaction,
  longTransaction,
  notifyInTransaction,
  checkThenAct,
  missingIdempotency,
  getThenSetIdempotency,
  retryWithoutBackoff,
  retryNonIdempotent,
  retryTwoLayers,
  breakerNeverCloses,
  outboxByTimestamp,
  skipLockedMissing,
  cacheWithoutInvalidation,
  cronOnEveryNode,
  inMemoryState,
  fireAndForget,
  swallowedError,
  unhandledRejection,
  noTimeout,
  poolPerRequest,
  leakedClient,
  setWithoutLocal,
  missingPool,
  sessionStatePooler,
  preparedStatementPooler,
  syncFsOnEventLoop,
  syncCpuOnEventLoop,
  missingGracefulShutdown,
  missingHealthCheck,
  unvalidatedEnvironment,
  stringSql,
  massAssignment,
  overExposure,
  scatteredValidation,
  ssrf,
  prototypePollution,
  redos,
  plainPassword,
  weakHash,
  ownCrypto,
  jwtAlgConfusion,
  jwtNoAudience,
  jwtNoExpiry,
  secretInCode,
  wildcardCors,
  cookieWithoutFlags,
  missingRateLimit,
  pathBasedAuthorisation,
  errorDetailsToClient,
  httpInService,
  personalDataInLogs,
  highCardinalityLabels,
  indexNotConcurrently,
  notNullRewrite,
  typeChangeRewrite,
  destructiveMigration,
  massiveMigration,
  cascadingDelete,
  missingIndexForeignKey,
  floatingPointMoney,
  clockArithmetic,
]
