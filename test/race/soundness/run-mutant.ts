import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { MutantReport, MutantTask } from './mutant.fixture.ts'

const FIXTURE = fileURLToPath(new URL('./mutant.fixture.ts', import.meta.url))

/** The programs run in a process of their own, whose explorer is changed. */
export async function runMutant(task: MutantTask): Promise<MutantReport> {
  const child = fork(FIXTURE, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const answered = once(child, 'message')
  const ended = once(child, 'exit')
  child.send(task)
  const [report] = await Promise.race([
    answered,
    ended.then(() => [{ killedBy: 0, how: 'the process ended', ran: 0 }]),
  ])
  await ended
  return report as MutantReport
}
