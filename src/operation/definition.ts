/** What a module may export and the registry recognises. The mark survives two copies of the package. */
const mark = Symbol.for('holdfast.definition')

export type DefinitionKind =
  | 'command'
  | 'query'
  | 'action'
  | 'event'
  | 'job'
  | 'handler'
  | 'subscription'
  | 'module'

export interface Definition {
  readonly kind: DefinitionKind
}

/** Freezes a definition and marks it as one. */
export function definition<T extends Definition>(value: T): T {
  Object.defineProperty(value, mark, { value: true })
  return Object.freeze(value)
}

export function isDefinition(value: unknown): value is Definition {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, mark)
}
