/** A snippet in its broken form and in the forms that hold, as data: what a set of races is made of. */
import type { FindingClass, RaceDefinition } from '../../src/prove/race.ts'

export interface Form {
  readonly run: RaceDefinition['run']
  /** What this form asks of the schema besides what both have. */
  readonly schema?: string
}

export interface BrokenForm extends Form {
  /** What the explorer must call it, where the textbooks agree on the name. */
  readonly finds?: FindingClass
}

type Judged = Pick<RaceDefinition, 'serial' | 'allow' | 'ignore' | 'invariants'>

export interface Twins extends Judged {
  readonly schema: string
  readonly seed: string
  readonly broken: BrokenForm
  /** By what is different. */
  readonly fixed: Readonly<Record<string, Form>>
}

export type TwinSet = Readonly<Record<string, Twins>>

export function definitionOf(
  { broken: _, fixed: __, ...twins }: Twins,
  form: Form,
): RaceDefinition {
  return { ...twins, schema: [twins.schema, form.schema ?? ''], run: form.run }
}
