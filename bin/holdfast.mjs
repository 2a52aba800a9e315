#!/usr/bin/env node
/**
 * Starts the command `holdfast`: from its sources in the repository, from `dist` where it is
 * installed (Node does not strip types below node_modules). Runs on any Node from 20 on, so that an
 * old one is told what it lacks; the repository's own pinned Node is used where it is there.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24

function at(path) {
  return new URL(`../${path}`, import.meta.url)
}

function pinnedNode() {
  const platform = `${process.platform}-${process.arch}`
  // Of the package itself, or beside it, where npm puts what it installs in a project.
  return ['node_modules/', '../']
    .flatMap((folder) => [`${folder}node-${platform}`, `${folder}node-bin-${platform}`])
    .map((folder) => fileURLToPath(at(`${folder}/bin/node`)))
    .find((path) => existsSync(path))
}

async function here(args) {
  const isInstalled = import.meta.url.includes('/node_modules/')
  const source = at('src/cli/main.ts')
  const main = isInstalled || !existsSync(source) ? at('dist/cli/main.js') : source
  return (await import(main.href)).main(args)
}

function elsewhere(node, args) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
  // A terminal sends its interrupt to the child as well.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]))
  })
}

function run(args) {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return here(args)
  const pinned = pinnedNode()
  if (pinned !== undefined) return elsewhere(pinned, args)
  console.error(`holdfast needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}.`)
  return 2
}

process.exitCode = await run(process.argv.slice(2))
