/**
 * The bound on work under way: what does not fit is refused at once, before its body is read. A
 * queue here would only add waiting to work whose callers have given up.
 */
export class Admission {
  readonly #inFlightMax: number
  #inFlight = 0
  #refused = 0

  constructor(inFlightMax: number) {
    this.#inFlightMax = inFlightMax
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get refused(): number {
    return this.#refused
  }

  /** Asked when the headers are here. Counts the refusal. */
  get full(): boolean {
    if (this.#inFlight < this.#inFlightMax) return false
    this.#refused++
    return true
  }

  /** Taken once the request is here in full, so that slow senders hold no place. */
  enter(): void {
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
  }
}
