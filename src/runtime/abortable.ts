/**
 * Runs work that was given the controller's signal. It ends when the work does, or `graceMs` after
 * the abort with its reason, whether the work heeds the signal or not. `timeoutMs` from now it is
 * aborted with `timeoutFault`.
 */
import type { Clock } from '../base/clock.ts'
import type { HoldfastError } from '../base/fault.ts'

export interface AbortableOptions {
  readonly clock: Clock
  readonly controller: AbortController
  readonly timeoutMs: number
  readonly timeoutFault: () => HoldfastError
  readonly graceMs: number
}

export async function runAbortable<T>(
  options: AbortableOptions,
  work: () => Promise<T>,
): Promise<T> {
  const { clock, controller, timeoutMs, timeoutFault } = options
  const disarm = clock.after(timeoutMs, () => controller.abort(timeoutFault()))
  try {
    return await Promise.race([work(), overdue(options)])
  } finally {
    disarm()
  }
}

function overdue({ clock, controller, graceMs }: AbortableOptions): Promise<never> {
  const { signal } = controller
  return new Promise((_, reject) => {
    const arm = () => clock.after(graceMs, () => reject(signal.reason))
    if (signal.aborted) arm()
    else signal.addEventListener('abort', arm, { once: true })
  })
}
