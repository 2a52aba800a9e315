/**
 * How many retries all calls of a client may make together, so that a dependency in trouble is not
 * sent a multiple of its load: each call pays in a part of a token, each retry takes a whole one
 * (the token ratio of gRPC, gRFC A6; 20 % is what Finagle and Envoy ship).
 */
export interface RetryBudgetOptions {
  /** Retries for each hundred calls. */
  readonly percent: number
  /** Saved up at most; a client starts with so many. */
  readonly tokensMax: number
}

export class RetryBudget {
  readonly #options: RetryBudgetOptions
  /** In hundredths, so that sums stay exact. */
  #hundredths: number

  constructor(options: RetryBudgetOptions) {
    this.#options = options
    this.#hundredths = options.tokensMax * 100
  }

  get tokens(): number {
    return Math.floor(this.#hundredths / 100)
  }

  /** For each call, not for its retries. */
  deposit(): void {
    const { percent, tokensMax } = this.#options
    this.#hundredths = Math.min(tokensMax * 100, this.#hundredths + percent)
  }

  /** False: the retry is not made. */
  withdraw(): boolean {
    if (this.#hundredths < 100) return false
    this.#hundredths -= 100
    return true
  }
}
