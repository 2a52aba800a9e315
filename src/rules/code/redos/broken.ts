/** Two ways to split each run of letters: 2^n of them are tried before it gives up. */
export function isTag(text: string): boolean {
  return /^([a-z]+-?)+$/.test(text)
}
