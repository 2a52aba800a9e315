/** Longer ones are put together at run time, and a thousand of them would be memory that nobody counts. */
const LENGTH_MAX = 20_000

/** What was made of a text, for as many texts as are worth the memory; of the others it is made each time. */
export class Remembered<T> {
  readonly #made = new Map<string, T>()
  readonly #max: number
  readonly #make: (text: string) => T

  constructor(max: number, make: (text: string) => T) {
    this.#max = max
    this.#make = make
  }

  of(text: string): T {
    const known = this.#made.get(text)
    if (known !== undefined) return known
    const made = this.#make(text)
    if (this.#made.size < this.#max && text.length <= LENGTH_MAX) this.#made.set(text, made)
    return made
  }
}
