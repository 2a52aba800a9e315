import { globSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../../base/fault.ts'
import type { RaceSql } from '../race.ts'

/** The texts of an SQL setting, files and folders read. */
export function readSql(sql: RaceSql): string[] {
  const parts = typeof sql === 'string' || sql instanceof URL ? [sql] : sql
  return parts.flatMap((part) => (typeof part === 'string' ? [part] : readPlace(part)))
}

function readPlace(place: URL): string[] {
  const path = fileURLToPath(place)
  try {
    if (!statSync(path).isDirectory()) return [readFileSync(path, 'utf8')]
    const files = globSync('**/*.sql', { cwd: path }).sort()
    return files.map((file) => readFileSync(`${path}/${file}`, 'utf8'))
  } catch (cause) {
    throw new HoldfastError('HF_PROVE_SETUP', `${path} cannot be read.`, { cause })
  }
}
