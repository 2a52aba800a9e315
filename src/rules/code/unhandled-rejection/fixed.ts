/** Both have a listener from the start. */
export async function both(first: () => Promise<string>, second: () => Promise<string>) {
  const [head, tail] = await Promise.all([first(), second()])
  return head + tail
}
