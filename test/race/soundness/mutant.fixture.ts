/**
 * A process whose explorer has one change in its text. It runs the programs that it is sent, until
 * one of them misses an outcome, and says which.
 */
import { registerHooks } from 'node:module'
import type { RaceServer } from '../../../src/prove/verdict.ts'
import type { Mutant } from './mutant.ts'
import type { Program } from './program.ts'

export interface MutantTask {
  /** Undefined: the explorer as it is. */
  readonly mutant: Mutant | undefined
  readonly server: RaceServer
  readonly programs: readonly { readonly program: Program; readonly outcomes: readonly string[] }[]
}

export interface MutantReport {
  /** Undefined: it survives. */
  readonly killedBy: number | undefined
  readonly how: string | undefined
  readonly ran: number
}

/** The text is changed before anything of the explorer is loaded. */
function mutate({ file, from, to, title }: Mutant): void {
  const place = new URL(`../../../src/prove/${file}`, import.meta.url).href
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url !== place) return loaded
      const text = String(loaded.source)
      if (text.split(from).length !== 2) throw new Error(`"${title}" finds no single place`)
      return { ...loaded, source: text.replace(from, () => to) }
    },
  })
}

async function run({ mutant, server, programs }: MutantTask): Promise<MutantReport> {
  if (mutant) mutate(mutant)
  const { missedBy, outcomesOf } = await import('./compare.ts')
  for (const [index, { program, outcomes }] of programs.entries()) {
    const verdict = await outcomesOf(program, { server }, false)
    const how = missedBy(verdict, outcomes)
    if (how !== undefined) return { killedBy: program.seed, how, ran: index + 1 }
  }
  return { killedBy: undefined, how: undefined, ran: programs.length }
}

process.once('message', (task: MutantTask) => {
  run(task).then(
    (report) => process.send?.(report, () => process.exit(0)),
    (error: unknown) =>
      process.send?.({ killedBy: 0, how: String(error), ran: 0 }, () => process.exit(1)),
  )
})
