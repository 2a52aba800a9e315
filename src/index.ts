/**
 * `holdfast`: what an app is written with. Nothing of a server is loaded by importing this: whoever
 * imports contracts, a client or an enqueuer, pays for definitions alone.
 */
import type { startApp as StartApp } from './app/start-app.ts'
import type {
  migrate as Migrate,
  migrationStatus as MigrationStatusOf,
} from './database/migrate/migrate.ts'

export {
  type ApiKey,
  createApiKey,
  type IssuedKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
} from './access/api-key/api-key.ts'
export type { RoleTable } from './access/role-table.ts'
export type { AnonymousRequest, AnonymousTenant } from './app/anonymous.ts'
export { migrationSources } from './app/sources.ts'
export type { RunningApp, StartOptions } from './app/start-app.ts'
export { type FaultCode, HoldfastError, isFault } from './base/fault.ts'
export { type PrefixedId, prefixedId, uuidv7 } from './base/id.ts'
export type { Principal } from './base/principal.ts'
export type { InputOf, OutputOf, Schema } from './base/schema.ts'
export type { MigrateOptions, MigrationReport } from './database/migrate/migrate.ts'
export type { MigrationStatus } from './database/migrate/plan.ts'
export type { MigrationSource } from './database/migrate/source.ts'
export { type Sql, sql } from './database/sql.ts'
export {
  type AppBuilder,
  type AppDefinition,
  type AppTypes,
  holdfast,
} from './operation/builder.ts'
export {
  type ActionContract,
  type CommandContract,
  defineAction,
  defineCommand,
  defineEvent,
  defineJob,
  defineQuery,
  type EventContract,
  type JobContract,
  type OperationContract,
  type QueryContract,
} from './operation/contract.ts'
export type {
  Around,
  AroundFacts,
  EventFacts,
  HandlerDefinition,
  Isolation,
  JobFacts,
  SubscriptionDefinition,
} from './operation/handler.ts'
export type { LimitOption, Rate } from './operation/limit.ts'
export {
  defineList,
  equals,
  type ListContract,
  oneOf,
  type Page,
  prefix,
  range,
} from './operation/list-contract.ts'
export type { ModuleDefinition } from './operation/module.ts'
export {
  conflict,
  type Fail,
  forbidden,
  gone,
  invalid,
  notFound,
  type ProblemDefinition,
  ProblemError,
  preconditionFailed,
  unavailable,
} from './operation/problem.ts'
export type { Registry } from './operation/registered.ts'
export { buildRegistry } from './operation/registry.ts'
export { type AllowRule, anyone, anyPrincipal, may, type RuleFacts } from './operation/rule.ts'
export {
  type AuthenticateRequest,
  type SignedByOptions,
  signedBy,
  type WebhookKey,
} from './operation/signed-request.ts'
export {
  dropStaged,
  readStaged,
  type StagedFacts,
  type StagedRange,
  stagedFacts,
} from './operation/staged-content.ts'
export type {
  Call,
  DeferOptions,
  EnqueueOptions,
  ReadUnit,
  UnitOfWork,
} from './operation/unit-of-work-types.ts'
export { type Config, loadConfig } from './runtime/config.ts'
export type { Log } from './runtime/log.ts'
export type { Deadline, Scope, TraceContext } from './runtime/scope.ts'
export { Secret } from './runtime/secret.ts'
export type { ServiceContext, ServiceDefinition } from './runtime/service.ts'

/** Starts an app: database, services, loops and HTTP. Loads them, too. */
export const startApp: typeof StartApp = async (app, options) =>
  (await import('./app/start-app.ts')).startApp(app, options)

/** Applies what is not applied yet, one runner at a time. */
export const migrate: typeof Migrate = async (options) =>
  (await import('./database/migrate/migrate.ts')).migrate(options)

/** Which migrations are applied. */
export const migrationStatus: typeof MigrationStatusOf = async (options) =>
  (await import('./database/migrate/migrate.ts')).migrationStatus(options)
