/**
 * Staged contents: a body that comes as a stream is put into tables, chunk by chunk, before its
 * command runs. The command is handed an id: it may run again, and reads the same bytes.
 *
 * States (migrations/0001_staged_contents.sql): receiving -> sealed -> adopted -> pruned. Adopting is
 * a statement of the command's own transaction; what no command has adopted expires soon.
 */
import type { Statement } from '../../database/statement.ts'
import * as store from './store.ts'

export interface NewContent {
  readonly id: string
  readonly contentType: string
  /** Until a command adopts it. */
  readonly keptMs: number
}

export interface Chunk {
  /** The place of its first byte in the content. */
  readonly at: number
  readonly bytes: Uint8Array
}

export interface Seal {
  readonly bytes: number
  readonly sha256: Buffer
}

/** Statements for transactions of `holdfast_app`, with a tenant in their context. */
export const staging: {
  open(content: NewContent): Statement
  append(id: string, chunk: Chunk): Statement
  seal(tenant: string, id: string, seal: Seal): Statement
  /** Raises where the content is not there, not sealed, or another command's. */
  adopt(id: string, keptMs: number): Statement
  drop(id: string): Statement
  facts(id: string): Statement
  chunks(id: string, from: number, chunksMax: number): Statement
} = store
