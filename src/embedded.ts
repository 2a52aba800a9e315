/** `holdfast/embedded`: a real Postgres for development, under `.holdfast/` of the project. */
export {
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './database/embedded/embedded-postgres.ts'
export type { EmbeddedPostgres } from './database/embedded/server-handle.ts'
