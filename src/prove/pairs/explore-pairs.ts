import { embeddedServer } from '../server.ts'
import type { ExploredPair, ExplorePairsOptions } from './explored-pair.ts'
import type { Pairs } from './pairs.ts'

/** Explores all pairs of an app. Throws HF_PROVE_SETUP and HF_PROVE_PRIVILEGE. */
export async function explorePairs(
  pairs: Pairs,
  options: ExplorePairsOptions = {},
): Promise<readonly ExploredPair[]> {
  const server = options.server ?? (await embeddedServer())
  // The app's machinery is loaded with the first database, and not with the file that names the app.
  const { exploreOn } = await import('./pairs-exploration.ts')
  return exploreOn(pairs, options, server)
}
