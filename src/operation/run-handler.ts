/** 7. run: the user's code, with whatever goes around it, inside the outbound guard. */
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
  return insideTransaction(facts.operation, () => runAround(around, facts, async () => body()))
}
