import type { Binaries } from './binaries.ts'
import type { ServerSettings } from './postmaster.ts'
import type { ServerAccount } from './server-account.ts'

/** What a keeper is told at its start (one JSON document on its standard input). */
export interface KeeperTask {
  readonly binaries: Binaries
  readonly account: ServerAccount
  /** The cluster: `{ data/, secret.json }`. */
  readonly cluster: string
  readonly settings: ServerSettings
  readonly logFile: string
  /** Where the keeper writes its `KeeperState` for other processes, mode 600. */
  readonly stateFile: string
  readonly portWanted?: number | undefined
  /** A template to copy the cluster from first; the cluster is then removed at the end. */
  readonly copyOf?: string | undefined
}

/** How to reach a keeper and its server: the content of the state file. */
export interface KeeperState {
  /** The port of Postgres on 127.0.0.1. */
  readonly port: number
  /** The process id of Postgres. */
  readonly pid: number
  readonly dataDir: string
  readonly cluster: string
  readonly keeperPid: number
  /** Where users of the server register, on 127.0.0.1. */
  readonly keeperPort: number
  /** Says that whoever connects to the keeper may read the state file. */
  readonly token: string
}

/** The first line of a keeper's standard output. */
export type KeeperReport =
  | { readonly ready: KeeperState }
  | { readonly error: { readonly code: string; readonly message: string } }
