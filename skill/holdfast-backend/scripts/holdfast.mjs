#!/usr/bin/env node
/** Runs the project's own `holdfast` with the words behind it, from whatever folder this is called in. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

function find(folder) {
  const path = join(folder, 'node_modules/holdfast/bin/holdfast.mjs')
  if (existsSync(path)) return path
  const parent = dirname(folder)
  return parent === folder ? undefined : find(parent)
}

const command = find(process.cwd())
if (command === undefined) {
  console.error(
    'holdfast is not installed in this project. Ask before you run: npm install holdfast',
  )
  process.exit(2)
}
const { status } = spawnSync(process.execPath, [command, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
