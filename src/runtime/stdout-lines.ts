/**
 * Lines on their way to standard output. Those of one turn of the event loop go out in one write: a
 * write to a pipe or a file waits for the kernel, and a line for each request would do so each time.
 * Whatever ends the process in an orderly way, or by an error, writes what is left; a kill loses the
 * lines of one turn.
 *
 * Where nobody reads any more (the collector of the log has died), or the disk is full, lines are lost
 * and the process goes on: a service is not to end because its log does.
 */
let pending = ''
let isListening = false

/** More than this does not wait for the end of the turn. */
const PENDING_LENGTH_MAX = 64 * 1024

export function writeToStdout(line: string): void {
  if (pending === '') schedule()
  pending += line
  if (pending.length > PENDING_LENGTH_MAX) flush()
}

function schedule(): void {
  setImmediate(flush)
  if (isListening) return
  isListening = true
  process.on('exit', flush)
  // Unheard it would be a failure that nobody caught, which is logged, which fails.
  process.stdout.on('error', () => {})
}

function flush(): void {
  if (pending === '') return
  const lines = pending
  pending = ''
  process.stdout.write(lines)
}
