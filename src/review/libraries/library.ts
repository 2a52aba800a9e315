/** What the reviewer knows of a library, as data: detectors ask about effects and never name a library. */

/** What a call does to the world. */
export type Does =
  | 'read'
  | 'count'
  | 'insert'
  | 'upsert'
  | 'update'
  | 'delete'
  /** SQL as text, of which only the text says what it does. */
  | 'sql'
  | 'transaction'
  | 'begin'
  | 'commit'
  | 'rollback'
  /** Takes a connection out of a pool, and gives it back. */
  | 'acquire'
  | 'release'
  /** Calls another server. */
  | 'request'
  | 'pay'
  | 'mail'
  | 'store'
  /** Hands a message or a job to somebody else. */
  | 'publish'
  | 'cache-read'
  | 'cache-write'
  | 'cache-delete'

export interface Verb {
  readonly does: Does
  /** How many rows it may return. */
  readonly rows?: 'one' | 'many'
}

type Verbs = Readonly<Record<string, Verb>>

const named = (verb: Verb, names: readonly string[]): Verbs =>
  Object.fromEntries(names.map((name) => [name, verb]))

/** The verbs of a library by what they do, and by how many rows they return where it matters. */
export const does = (what: Does, ...names: readonly string[]): Verbs => named({ does: what }, names)
export const one = (what: Does, ...names: readonly string[]): Verbs =>
  named({ does: what, rows: 'one' }, names)
export const many = (what: Does, ...names: readonly string[]): Verbs =>
  named({ does: what, rows: 'many' }, names)

export interface Library {
  readonly id: string
  readonly title: string
  readonly kind: 'database' | 'http' | 'message' | 'cache' | 'mail' | 'payment' | 'storage'
  /** Names of packages; one that ends in / stands for everything below it. */
  readonly packages: readonly string[]
  /**
   * Exports whose instances, results or types are handles: new Pool(), knex(), Repository<User>.
   * '*' is each of them.
   */
  readonly handles: readonly string[]
  /** What a handle whose origin is not seen is usually called, in a package that depends on it. */
  readonly usualNames?: RegExp
  readonly verbs: Verbs
  /** What a chain on the handle does that no verb names: knex('users').where(...). */
  readonly chainDoes?: Verb
  /** Ends of a chain after which it returns at most one row. */
  readonly oneRow?: readonly string[]
  /** A chain is sent only by one of these; by being awaited where there are none. */
  readonly sentBy?: readonly string[]
  /** Calls on the chain that bound the rows, and that narrow them. */
  readonly bounds?: readonly string[]
  readonly filters?: readonly string[]
  /** Fields of the argument that do the same. */
  readonly boundFields?: readonly string[]
  readonly filterFields?: readonly string[]
  /** Where the table stands: a member before the verb, the argument of one of these calls, or the class itself. */
  readonly tableIn?: 'member' | 'class' | readonly string[]
  /** How this library writes a bound, a transaction and so on, for the fixes. */
  readonly says: Readonly<Partial<Record<Phrase, string>>>
}

export type Phrase =
  | 'bound'
  | 'keyset'
  | 'transaction'
  | 'parameters'
  | 'many'
  | 'guarded'
  | 'timeout'
  | 'unique'
  | 'fields'

/** Whether a specifier of an import belongs to one of a library's packages. */
export function isFrom(library: Library, source: string): boolean {
  return isFromPackage(library.packages, source)
}

export function isFromPackage(packages: readonly string[], source: string): boolean {
  return packages.some((name) =>
    name.endsWith('/') ? source.startsWith(name) : source === name || source.startsWith(`${name}/`),
  )
}
