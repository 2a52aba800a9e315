export type Pause = (ms: number) => Promise<void>

interface Reply {
  readonly status: number
}

/**
 * The same waits in every client, so they all come back at the same moment; and 400 is asked again
 * too.
 */
export async function call(send: () => Promise<Reply>, pause: Pause): Promise<Reply> {
  let reply = await send()
  for (const waitMs of [1_000, 2_000, 4_000]) {
    if (reply.status < 400) return reply
    await pause(waitMs)
    reply = await send()
  }
  return reply
}
