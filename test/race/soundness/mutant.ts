/** A change to the text of the explorer. */
export interface Mutant {
  readonly title: string
  /** Below src/prove. */
  readonly file: string
  readonly from: string
  readonly to: string
  /** The title of the program that rests on this rule: it is run first. */
  readonly program: string
}

type Change = readonly [title: string, from: string, to: string, program: string]

export function of(file: string, list: readonly Change[]): Mutant[] {
  return list.map(([title, from, to, program]) => ({ title, file, from, to, program }))
}
