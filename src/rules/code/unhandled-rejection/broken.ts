/** When the first rejects, nobody listens to the second any more. */
export async function both(first: () => Promise<string>, second: () => Promise<string>) {
  const [one, two] = [first(), second()]
  const head = await one
  return head + (await two)
}
