/**
 * Ending the process in order.
 *
 * Terms. A *step* is one thing to stop, with its bound; steps run one after another in the order in
 * which they were added. States. running -> stopping -> ended. A signal while stopping ends the
 * process at once: whoever sends it twice means it.
 */
import type { Clock } from '../base/clock.ts'
import { isAnswered } from './answered-failures.ts'
import type { Log } from './log.ts'

export interface StopStep {
  /** As the log names it. */
  readonly name: string
  /** After so long the next step runs all the same. */
  readonly timeoutMs: number
  stop(): void | Promise<void>
}

export interface ShutdownOptions {
  readonly log: Log
  readonly clock: Clock
  /** Ends the process; `process.exit` by default. */
  readonly exit?: (code: number) => void
}

/** Where signals and failures come from; `process` fits. */
export interface SignalSource {
  on(event: string, listener: (...values: unknown[]) => void): unknown
  off(event: string, listener: (...values: unknown[]) => void): unknown
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export class Shutdown {
  readonly #log: Log
  readonly #clock: Clock
  readonly #exit: (code: number) => void
  readonly #steps: StopStep[] = []
  #code = 0
  #installed = false
  #stopping: Promise<void> | undefined

  constructor(options: ShutdownOptions) {
    this.#log = options.log
    this.#clock = options.clock
    this.#exit = options.exit ?? ((code) => process.exit(code))
  }

  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  /** Whether this process is the app's own: signals to it, and failures in it, come here. */
  get installed(): boolean {
    return this.#installed
  }

  /** Appends a step: what is added first stops first. */
  add(step: StopStep): void {
    this.#steps.push(step)
  }

  /**
   * Runs the steps and ends the process with `code`, or with 1 where a step failed or did not end in
   * time. Asked again, it waits for the same end; the higher code wins.
   */
  stop(reason: string, code = 0): Promise<void> {
    this.#code = Math.max(this.#code, code)
    this.#stopping ??= this.#run(reason)
    return this.#stopping
  }

  /** Listens to signals and to failures that nobody caught; returns the way to stop listening. */
  install(source: SignalSource = process): () => void {
    const onSignal = (signal: unknown) => this.#signalled(String(signal))
    const onException = (error: unknown) => this.#failed('uncaughtException', error)
    const onRejection = (error: unknown) => this.#rejected(error)
    const listeners: [string, (value: unknown) => void][] = [
      ...SIGNALS.map((signal): [string, typeof onSignal] => [signal, onSignal]),
      ['uncaughtException', onException],
      ['unhandledRejection', onRejection],
    ]
    for (const [event, listener] of listeners) source.on(event, listener)
    this.#installed = true
    return () => {
      this.#installed = false
      for (const [event, listener] of listeners) source.off(event, listener)
    }
  }

  #signalled(signal: string): void {
    if (this.stopping) {
      this.#log.warn({ signal }, 'a second signal: the process ends at once')
      this.#exit(1)
      return
    }
    void this.stop(signal)
  }

  #rejected(error: unknown): void {
    if (isAnswered(error))
      this.#log.warn({ err: error }, 'a promise inside an operation was not awaited')
    else this.#failed('unhandledRejection', error)
  }

  #failed(kind: string, error: unknown): void {
    this.#log.error(
      { err: error, kind },
      'a failure that nobody caught: the process drains and ends',
    )
    void this.stop(kind, 1)
  }

  async #run(reason: string): Promise<void> {
    this.#log.info({ reason }, 'stopping')
    for (const step of this.#steps) await this.#runStep(step)
    this.#log.info({ reason, code: this.#code }, 'stopped')
    this.#exit(this.#code)
  }

  async #runStep(step: StopStep): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs()
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const cancel = this.#clock.after(step.timeoutMs, () => resolve('late'))
    try {
      const end = await Promise.race([step.stop(), late])
      const durationMs = Math.round(this.#clock.monotonicMs() - startedAtMs)
      const fields = { step: step.name, durationMs }
      if (end !== 'late') this.#log.info(fields, 'step ended')
      else this.#fail({ ...fields, timeoutMs: step.timeoutMs }, 'step did not end in time')
    } catch (error) {
      this.#fail({ step: step.name, err: error }, 'step failed')
    } finally {
      cancel()
    }
  }

  #fail(fields: Record<string, unknown>, message: string): void {
    this.#code = Math.max(this.#code, 1)
    this.#log.error(fields, message)
  }
}
