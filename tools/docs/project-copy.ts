/** A copy of this repository as a clone would be: what was built or started here stays behind. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Installed packages are linked, not copied. */
const LEFT_BEHIND = ['.git', '.holdfast', 'coverage', 'dist', 'node_modules']

export function projectCopy(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-copy-'))
  cpSync(root, folder, {
    recursive: true,
    filter: (path) => !LEFT_BEHIND.includes(relative(root, path).split(sep)[0] ?? ''),
  })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
