/** Slots that were granted to this process and are not yet taken, in the time of this process. */
interface Run {
  /** When the first slot of the run starts; it is lost once this has passed. */
  firstMs: number
  count: number
}

export class Stock {
  readonly #intervalMs: number
  /** In order of time. A new run comes when little is left of the old one: there are few. */
  readonly #runs: Run[] = []

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  add(firstMs: number, count: number): void {
    if (count > 0) this.#runs.push({ firstMs, count })
  }

  /** Takes the slot that would be lost first. False where there is none. */
  take(nowMs: number): boolean {
    this.#dropPast(nowMs)
    const run = this.#runs[0]
    if (run === undefined) return false
    run.count--
    run.firstMs += this.#intervalMs
    return true
  }

  count(nowMs: number): number {
    this.#dropPast(nowMs)
    let count = 0
    for (const run of this.#runs) count += run.count
    return count
  }

  #dropPast(nowMs: number): void {
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      if (run.firstMs < nowMs) this.#shorten(run, nowMs)
      if (run.count > 0) return
      this.#runs.shift()
    }
  }

  #shorten(run: Run, nowMs: number): void {
    const past = Math.min(run.count, Math.ceil((nowMs - run.firstMs) / this.#intervalMs))
    run.count -= past
    run.firstMs += past * this.#intervalMs
  }
}
