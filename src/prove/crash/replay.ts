import { HoldfastError } from '../../base/fault.ts'
import { type Fault, type FaultKind, isFaultKind } from './fault.ts'

const NOTHING = 'no-fault'

/** As `--replay` takes it: the step and what happens there. */
export function replayOf(fault: Fault | undefined): string {
  return fault === undefined ? NOTHING : `${fault.step}-${fault.kind.replaceAll(' ', '-')}`
}

export function faultOf(replay: string): Fault | undefined {
  if (replay === NOTHING) return undefined
  const [, step, kind] = /^(\d+)-(.+)$/.exec(replay) ?? []
  const said = kind?.replaceAll('-', ' ') ?? ''
  if (step === undefined || !isFaultKind(said))
    throw new HoldfastError(
      'HF_USAGE',
      `"${replay}" names no run: copy it from the trace of a finding, such as 3-killed-after.`,
    )
  return { step: Number(step), kind: said as FaultKind }
}
