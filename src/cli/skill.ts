import type { Command } from './command.ts'

const options = {
  dir: { type: 'string', summary: 'A folder of skills, in place of those of the project' },
  yes: { type: 'boolean', summary: 'Do not ask' },
} as const

export const skillInstall: Command = {
  name: 'skill install',
  summary: 'Put the skill for coding agents where they look; files that you changed are kept',
  example: 'holdfast skill install --yes',
  options,
  run: async (call) => (await import('./run-skill.ts')).runInstall(call),
}

export const skillUninstall: Command = {
  name: 'skill uninstall',
  summary: 'Take the skill out again; files that you changed or added stay',
  example: 'holdfast skill uninstall --yes',
  options,
  run: async (call) => (await import('./run-skill.ts')).runUninstall(call),
}
