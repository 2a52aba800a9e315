import { HoldfastError } from '../../base/fault.ts'
import { type Fault, type FaultKind, isFaultKind } from './fault.ts'
import type { Plan } from './plan.ts'

/** What is different in a run: nothing, one fault, or the way in which the messages come. */
export interface Trial {
  readonly fault?: Fault
  readonly plan?: Plan
  /** As `--replay` takes it. */
  readonly name: string
}

export const NOTHING: Trial = { name: 'no-fault' }

export function faultTrial(fault: Fault): Trial {
  return { fault, name: `${fault.step}-${fault.kind.replaceAll(' ', '-')}` }
}

export function planTrials(plans: readonly Plan[]): Trial[] {
  return plans.map((plan, index) => ({ plan, name: `deliveries-${index + 1}` }))
}

export function trialOf(replay: string, plans: readonly Plan[]): Trial {
  const known = [NOTHING, ...planTrials(plans)].find(({ name }) => name === replay)
  if (known !== undefined) return known
  const [, step, kind] = /^(\d+)-(.+)$/.exec(replay) ?? []
  const said = kind?.replaceAll('-', ' ') ?? ''
  if (step === undefined || !isFaultKind(said))
    throw new HoldfastError(
      'HF_USAGE',
      `"${replay}" names no run: copy it from the trace of a finding, such as 3-killed-after.`,
    )
  return faultTrial({ step: Number(step), kind: said as FaultKind })
}
