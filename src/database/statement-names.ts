/**
 * Names of prepared statements on one connection: hash of the text + schema epoch, in a bounded
 * LRU. The epoch is the pool's: it moves when the server says that a cached plan no longer fits
 * (DDL went past), and from then on every statement is prepared anew under a new name.
 */
import { createHash } from 'node:crypto'
import type { Column } from './batch.ts'
import type { Statement } from './statement.ts'

export interface Prepared {
  readonly name: string
  readonly epoch: number
  /** The server has answered ParseComplete. */
  parsed: boolean
  /** Known after the first execution; from then on no Describe is sent. */
  columns: readonly Column[] | undefined
}

/** A plan costs the server 10 to 100 KiB; 256 of them on 16 connections stay below 400 MiB. */
export const STATEMENTS_PER_CONNECTION_MAX = 256

/** Longer texts are generated (large IN lists, VALUES) and seldom come again. */
const TEXT_LENGTH_MAX = 16_384

export interface SchemaEpoch {
  value: number
}

/** Hashes are cached by text: the set of texts of a program is small and stable. */
const HASHES_MAX = 4096
const hashes = new Map<string, string>()

function hashOf(text: string): string {
  const known = hashes.get(text)
  if (known !== undefined) return known
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 24)
  if (hashes.size >= HASHES_MAX) hashes.clear()
  hashes.set(text, hash)
  return hash
}

export class StatementNames {
  readonly #known = new Map<string, Prepared>()
  readonly #epoch: SchemaEpoch
  #evicted: string[] = []

  constructor(epoch: SchemaEpoch) {
    this.#epoch = epoch
  }

  /** The entry for a statement, made if needed; undefined where it is not worth a name. */
  use(statement: Statement): Prepared | undefined {
    const { text } = statement
    if (text.length > TEXT_LENGTH_MAX) return undefined
    const key = statement.bigint === true ? `b:${text}` : text
    const known = this.#known.get(key)
    if (known !== undefined && known.epoch === this.#epoch.value) return this.#touch(key, known)
    if (known !== undefined) this.#evict(key, known)
    return this.#add(key, text)
  }

  #touch(key: string, entry: Prepared): Prepared {
    // Order matters only near the bound; below half of it the Map is left alone.
    if (this.#known.size > STATEMENTS_PER_CONNECTION_MAX / 2) {
      this.#known.delete(key)
      this.#known.set(key, entry)
    }
    return entry
  }

  #add(key: string, text: string): Prepared {
    if (this.#known.size >= STATEMENTS_PER_CONNECTION_MAX) this.#evictOldest()
    const marker = key === text ? 'hf' : 'hfb'
    const name = `${marker}_${this.#epoch.value}_${hashOf(text)}`
    const entry = { name, epoch: this.#epoch.value, parsed: false, columns: undefined }
    this.#known.set(key, entry)
    return entry
  }

  #evictOldest(): void {
    const oldest = this.#known.entries().next().value
    if (oldest !== undefined) this.#evict(oldest[0], oldest[1])
  }

  #evict(key: string, entry: Prepared): void {
    this.#known.delete(key)
    // Parsed or about to be: closing a name that is not there is no error.
    this.#evicted.push(entry.name)
  }

  /** Names to close on the server; Close travels with the next batch and costs no round trip. */
  takeEvicted(): readonly string[] {
    if (this.#evicted.length === 0) return this.#evicted
    const taken = this.#evicted
    this.#evicted = []
    return taken
  }

  /** Names whose Close the server may not have seen. */
  putBack(names: readonly string[]): void {
    if (names.length === 0) return
    const inUse = new Set(Array.from(this.#known.values(), ({ name }) => name))
    this.#evicted.push(...names.filter((name) => !inUse.has(name)))
  }
}
