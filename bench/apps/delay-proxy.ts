/**
 * A network between an app and its database: every chunk arrives a millisecond later than it was
 * sent, in both directions. A process of its own, so that its work is nobody's CPU time.
 */
import { connect, createServer, type Socket } from 'node:net'

/** Timers know no shorter time; with their own lag a round trip takes 2 to 3 ms. */
const DELAY_MS = 1

function carry(from: Socket, to: Socket): void {
  from.setNoDelay(true)
  from.on('data', (chunk) => setTimeout(() => to.write(chunk), DELAY_MS))
  from.on('close', () => setTimeout(() => to.destroy(), DELAY_MS))
  from.on('error', () => to.destroy())
}

const target = new URL(process.env.BENCH_URL as string)
const server = createServer((client) => {
  const upstream = connect(Number(target.port), target.hostname)
  carry(client, upstream)
  carry(upstream, client)
})
server.listen(0, '127.0.0.1', () => {
  const url = new URL(target)
  url.port = String((server.address() as { port: number }).port)
  process.send?.({ ready: url.href })
})
