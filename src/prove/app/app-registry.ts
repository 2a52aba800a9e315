/** What an app registers, as every explorer sees it. */
import { CursorSeal } from '../../database/page.ts'
import type { AppDefinition } from '../../operation/builder.ts'
import type { Registry } from '../../operation/registered.ts'
import { buildRegistry } from '../../operation/registry.ts'

/** An app is checked and put together once, however often it is opened. */
const registries = new WeakMap<AppDefinition, Registry>()

export function registryOf(app: AppDefinition): Registry {
  let registry = registries.get(app)
  if (registry === undefined) {
    // A seal of chance would make cursors that differ from run to run.
    registry = buildRegistry(app, [], new CursorSeal(['holdfast prove']))
    registries.set(app, registry)
  }
  return registry
}
