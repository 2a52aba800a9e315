/** The pairs of an app on the command line: where no file is named, and where a file exports `pairs`. */
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../base/fault.ts'
import { explorePairs } from '../prove/pairs/explore-pairs.ts'
import { DRAW_SEED, type ExploredPair } from '../prove/pairs/explored-pair.ts'
import { type Pairs, pairs } from '../prove/pairs/pairs.ts'
import { scenarioText } from '../prove/pairs/scenario-text.ts'
import type { ExploreOptions } from '../prove/verdict.ts'
import type { CommandCall } from './command.ts'
import { hasProject } from './config.ts'
import { appOf, projectOf } from './project.ts'

export interface NamedPairs {
  /** Of the export; undefined where a project file names the app and nothing more. */
  readonly name: string | undefined
  readonly file: string
  readonly subject: Pairs
}

/** The app of the project, or what its `prove` file exports. */
export async function proveFileOf(call: CommandCall): Promise<string | NamedPairs> {
  if (call.text('config') === undefined && !hasProject(call.terminal.cwd))
    throw new HoldfastError(
      'HF_USAGE',
      'Name a file, such as holdfast prove races.ts. Without one the commands of an app are paired: there is no holdfast.config.ts here that names its app.',
    )
  const project = await projectOf(call)
  if (project.proveFile !== undefined) return fileURLToPath(project.proveFile)
  const app = await appOf(project)
  const file = fileURLToPath(project.appFile as URL)
  return { name: undefined, file, subject: pairs({ app }) }
}

export function drawSeedOf(call: CommandCall): number {
  const text = call.text('seed')
  if (text === undefined) return DRAW_SEED
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new HoldfastError('HF_USAGE', `--seed ${text} is no number from 0 to 999999999.`)
}

export interface ProvePairsOptions
  extends Pick<ExploreOptions, 'server' | 'budgetMs' | 'keepGoing' | 'signal'> {
  readonly onPair: (pair: ExploredPair) => void
}

export async function provePairs(
  { name, file, subject }: NamedPairs,
  call: CommandCall,
  options: ProvePairsOptions,
): Promise<void> {
  if (call.text('replay') !== undefined)
    throw new HoldfastError(
      'HF_USAGE',
      '--replay is for one schedule of a file. Copy the scenario that was printed, or let --out write it, and replay that file.',
    )
  const only = call.text('only')
  const seed = drawSeedOf(call)
  const { err, cwd } = call.terminal
  err(`Pairs of ${relative(cwd, file)}, with inputs drawn by --seed ${seed}.`)
  const explored = await explorePairs(subject, {
    ...options,
    seed,
    ...(only !== undefined && only !== name && { only }),
  })
  if (explored.length > 0 || only === undefined) return
  throw new HoldfastError(
    'HF_USAGE',
    `There is no pair "${only}". Name one as it is printed, or a command to see its pairs, such as ordering.place-order.`,
  )
}

/** @param folder where the text is to stand */
export function scenarioOf(
  { name, file, subject }: NamedPairs,
  pair: ExploredPair,
  folder: string,
  call: CommandCall,
): string {
  const path = relative(folder, resolve(call.terminal.cwd, file))
  const taken = ['services', 'invariants', 'serial', 'ignore', 'allow'] as const
  return scenarioText(pair, {
    from: path.startsWith('.') ? path : `./${path}`,
    ...(name !== undefined && { pairs: name }),
    fields: taken.filter((field) => subject[field] !== undefined),
    drawnBy: drawSeedOf(call),
  })
}

/** What a pair was called with, for whoever reads the verdict. */
export function inputLines({ run }: ExploredPair): string[] {
  return Object.entries(run).map(
    ([command, { input, asking }]) =>
      `  ${command}: ${JSON.stringify(input)}, by ${asking.principal} of ${asking.tenant}`,
  )
}
