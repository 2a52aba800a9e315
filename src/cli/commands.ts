/** All commands, in the order in which they are shown. */
import { adviseCommand } from './advise.ts'
import type { Command } from './command.ts'
import { dev } from './dev.ts'
import { explainCommand } from './explain.ts'
import { keyNew } from './key.ts'
import { mcpCommand } from './mcp.ts'
import { migrateNew, migrateStatus, migrateUp } from './migrate.ts'
import { proveCommand } from './prove.ts'
import { reviewCommand } from './review.ts'
import { rulesCommand } from './rules.ts'
import { skillInstall, skillUninstall } from './skill.ts'
import { trace } from './trace.ts'
import { types } from './types.ts'

export const commands: readonly Command[] = [
  migrateStatus,
  migrateUp,
  migrateNew,
  types,
  dev,
  explainCommand,
  trace,
  keyNew,
  proveCommand,
  rulesCommand,
  adviseCommand,
  reviewCommand,
  mcpCommand,
  skillInstall,
  skillUninstall,
]
