/** A program in the form that a crash breaks and in the form that it does not. */
import type { CrashDefinition } from '../../../src/prove/crash/crash.ts'

export interface CrashTwins extends Omit<CrashDefinition, 'boot'> {
  readonly broken: CrashDefinition['boot']
  readonly fixed: CrashDefinition['boot']
}

export type CrashTwinSet = Readonly<Record<string, CrashTwins>>

export function crashDefinition(
  { broken, fixed, ...twins }: CrashTwins,
  form: 'broken' | 'fixed',
): CrashDefinition {
  return { ...twins, boot: form === 'broken' ? broken : fixed }
}
