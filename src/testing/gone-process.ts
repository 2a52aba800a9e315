/** The name of a process that has run here and was killed: what a crash leaves in a lease. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const LIVENESS = fileURLToPath(new URL('../runtime/process-liveness.ts', import.meta.url))
const TELL = `import { processName } from ${JSON.stringify(LIVENESS)}
  process.stdout.write(processName())
  process.stdin.resume()`

/** For `skip`: false where a process can be known to be gone. */
export const noGoneProcess = process.platform !== 'linux' && 'only Linux tells enough of a process'

export async function goneProcess(whileAlive?: (name: string) => void): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', TELL])
  const exited = once(child, 'exit')
  const [told] = await once(child.stdout, 'data')
  const name = String(told)
  whileAlive?.(name)
  child.kill('SIGKILL')
  await exited
  return name
}
