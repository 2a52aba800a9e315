/** The package as an app would have it: built, under node_modules of an empty project. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '../..')

export interface InstalledPackage {
  readonly folder: string
  remove(): void
}

export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-installed-'))
  const modules = join(folder, 'node_modules')
  const own = join(modules, 'holdfast')
  mkdirSync(own, { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  for (const name of ['package.json', 'bin']) {
    cpSync(join(root, name), join(own, name), { recursive: true })
  }
  const build = [join(root, 'tools/build.ts'), join(own, 'dist')]
  const { status, stderr } = spawnSync(process.execPath, build, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`The package could not be built: ${stderr}`)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const SOURCES = /'\.\.\/\.\.\/src\/([^']+)\.ts'/g

/** The apps of the bench on the package, as production runs one: nothing is compiled while it starts. */
export function installApps({ folder }: InstalledPackage): URL {
  const apps = join(root, 'bench/apps')
  const own = join(folder, 'apps')
  mkdirSync(own)
  for (const file of readdirSync(apps)) {
    const text = stripTypeScriptTypes(readFileSync(join(apps, file), 'utf8'))
      .replaceAll(SOURCES, "'../node_modules/holdfast/dist/$1.js'")
      .replaceAll(/'(\.\/\w+)\.ts'/g, "'$1.mjs'")
    writeFileSync(join(own, file.replace(/\.ts$/, '.mjs')), text)
  }
  cpSync(join(root, 'bench/migrations'), join(folder, 'migrations'), { recursive: true })
  return pathToFileURL(`${own}/`)
}
