/** 7. run: the user's code, with whatever goes around it, inside the outbound guard. */
import { abortFault } from '../base/fault.ts'
import { insideTransaction } from '../runtime/outbound-guard.ts'
import type { Scope } from '../runtime/scope.ts'
import type { Around } from './handler.ts'

/** Runs `body` inside its arounds, from the outermost in. */
export function runAround(
  around: readonly Around[],
  facts: { readonly operation: string; readonly input: unknown; readonly scope: Scope },
  body: () => Promise<unknown>,
): Promise<unknown> {
  let next = body
  for (let index = around.length - 1; index >= 0; index--) {
    const inner = next
    const outer = around[index] as Around
    next = () => outer(inner, facts)
  }
  return next()
}

/** The same for code that holds a transaction: calls outside are errors while it runs. */
export function runInside(
  around: readonly Around[],
  facts: { readonly operation: string; readonly input: unknown; readonly scope: Scope },
  body: () => unknown,
): Promise<unknown> {
  return withinDeadline(facts.scope.signal, () =>
    insideTransaction(facts.operation, () => runAround(around, facts, async () => body())),
  )
}

/** Code that ignores its signal is left behind at the deadline; what it calls then is refused. */
export async function withinDeadline<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw abortFault(signal)
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(abortFault(signal))
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work(), promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
