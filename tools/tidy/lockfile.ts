/** A lockfile that npm ci would refuse, or that would fetch what nobody has pinned. */
import type { Finding } from './finding.ts'

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/

function needs(entry: Locked): string[] {
  const { dependencies, optionalDependencies, devDependencies } = entry
  return Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
}

function lockedNames(packages: Readonly<Record<string, Locked>>): Set<string> {
  return new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))
}

export function checkLockfile(
  packageText: string,
  lockText: string,
  path = 'package-lock.json',
): Finding[] {
  const fault = (message: string): Finding => ({ rule: 'lockfile', path, line: 1, message })
  const manifest: Locked = JSON.parse(packageText)
  const packages: Record<string, Locked> = JSON.parse(lockText).packages
  const names = lockedNames(packages)
  const missing = Object.entries(packages).flatMap(([place, entry]) =>
    place === ''
      ? []
      : needs({ ...entry, devDependencies: {} })
          .filter((name) => !names.has(name))
          .map((name) => fault(`${place} needs ${name}, which is not locked: npm ci refuses it.`)),
  )
  const loose = Object.entries({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  })
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => fault(`${name} is not pinned exactly (${version}) in package.json.`))
  const unsigned = Object.entries(packages)
    .filter(([path, { integrity }]) => path !== '' && integrity === undefined)
    .map(([path]) => fault(`${path} has no integrity.`))
  const foreign = Object.entries(packages)
    .filter(
      ([, { resolved }]) =>
        resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'),
    )
    .map(([path]) => fault(`${path} is fetched from a host of its own.`))
  return [...missing, ...loose, ...unsigned, ...foreign]
}
