import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { HoldfastError } from '../base/fault.ts'
import type { CommandCall } from './command.ts'
import { SKILL_NAME, skillFiles } from './skill-files.ts'
import { type Changes, installSkill, uninstallSkill } from './skill-install.ts'
import { unwritable } from './unwritable.ts'

export async function runInstall(call: CommandCall): Promise<number> {
  const files = await skillFiles()
  const folders = foldersOf(call)
  const where = folders.map((folder) => `  ${shown(call, folder)}`)
  await confirm(call, [`${files.size} files each into:`, ...where])
  for (const folder of folders) {
    const changes = await installSkill(folder, files).catch((error) => {
      throw unwritable(shown(call, folder), error)
    })
    tell(call, folder, changes)
  }
  return 0
}

export async function runUninstall(call: CommandCall): Promise<number> {
  const folders = foldersOf(call).filter(
    (folder) => call.text('dir') !== undefined || existsSync(folder),
  )
  if (folders.length === 0) throw new HoldfastError('HF_USAGE', 'No skill is installed here.')
  await confirm(call, ['Removes the skill from:', ...folders.map((one) => `  ${shown(call, one)}`)])
  for (const folder of folders) tell(call, folder, await uninstallSkill(folder))
  return 0
}

/** `.agents/skills` is what agents share; some look into a folder of their own as well. */
const SHARED = '.agents/skills'
const OWN: readonly (readonly [sign: string, folder: string])[] = [['.claude', '.claude/skills']]

function foldersOf({ terminal, text }: CommandCall): readonly string[] {
  const given = text('dir')
  const skills =
    given === undefined
      ? [
          SHARED,
          ...OWN.filter(([sign]) => existsSync(join(terminal.cwd, sign))).map(([, at]) => at),
        ]
      : [given]
  return skills.map((folder) => resolve(terminal.cwd, folder, SKILL_NAME))
}

async function confirm({ terminal, flag }: CommandCall, lines: readonly string[]): Promise<void> {
  for (const line of lines) terminal.err(line)
  if (flag('yes')) return
  if (terminal.ask === undefined)
    throw new HoldfastError('HF_USAGE', 'Nobody is there to ask: add --yes.')
  const answer = await terminal.ask('Go on? (y/N) ')
  if (/^y(?:es)?$/i.test(answer?.trim() ?? '')) return
  throw new HoldfastError('HF_CANCELLED', 'Nothing was changed.')
}

function tell(call: CommandCall, folder: string, { written, removed, kept }: Changes): void {
  const counts = [
    ...(written.length > 0 ? [`${written.length} written`] : []),
    ...(removed.length > 0 ? [`${removed.length} removed`] : []),
  ]
  call.terminal.out(`${shown(call, folder)}: ${counts.join(', ') || 'nothing to do'}`)
  for (const path of kept) call.terminal.out(`  kept, since it is not as it was installed: ${path}`)
}

function shown({ terminal }: CommandCall, folder: string): string {
  return relative(terminal.cwd, folder) || folder
}
