/**
 * `holdfast/testing`: the app of a test on a database of its own, a clock that stands still, signals
 * in place of sleeps, faults at exact moments.
 */
export type { Cut, CutOptions, ProxyCounters, TcpProxy } from './testing/tcp-proxy.ts'
export {
  type CallerOptions,
  type TestApp,
  type TestAppOptions,
  testApp,
} from './testing/test-app.ts'
export {
  type AskOptions,
  type TestCaller,
  TestProblem,
  type TestReply,
} from './testing/test-caller.ts'
export { runningClock, type TestClock, testClock } from './testing/test-clock.ts'
export {
  dropLeftovers,
  shareTestServer,
  type TestDatabase,
  type TestDatabaseOptions,
  type TestServer,
  testDatabase,
  testServer,
} from './testing/test-database.ts'
export type { LogLine, TestLog } from './testing/test-log.ts'
export { type TestGate, type TestSignal, testGate, testSignal } from './testing/test-signal.ts'
