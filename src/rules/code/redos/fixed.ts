const LENGTH_MAX = 100

/** Each letter can be matched in one way only, and the length is bounded first. */
export function isTag(text: string): boolean {
  return text.length <= LENGTH_MAX && /^[a-z]+(?:-[a-z]+)*-?$/.test(text)
}
