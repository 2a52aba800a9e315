/** `holdfast/testing`: a database for each test, a clock that stands still, signals in place of sleeps. */
export { type TestClock, testClock } from './testing/test-clock.ts'
export {
  dropLeftovers,
  shareTestServer,
  type TestDatabase,
  type TestDatabaseOptions,
  type TestServer,
  testDatabase,
  testServer,
} from './testing/test-database.ts'
export { type TestSignal, testSignal } from './testing/test-signal.ts'
