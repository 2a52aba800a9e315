/** One command of ours for `holdfast mcp`; see run-command.ts. Ends with its input: nobody waits any more. */
import { main } from '../main.ts'
import { ownStdout } from '../own-stdout.ts'

const output = ownStdout()
process.stdin.on('end', () => process.kill(process.pid, 'SIGINT')).resume()

const code = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  out: (line) => void output.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
})
// What the project's code has opened would keep this process for ever.
process.exit(code)
