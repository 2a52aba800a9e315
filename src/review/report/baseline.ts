/** What was there before somebody started to look: a file of fingerprints, which only shrinks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { HoldfastError } from '../../base/fault.ts'
import { recordOf } from '../project/packages.ts'
import type { Finding } from './finding.ts'

export function readBaseline(file: string): ReadonlySet<string> {
  try {
    const { version, fingerprints } = recordOf(JSON.parse(readFileSync(file, 'utf8')))
    if (version === 1 && typeof fingerprints === 'object' && fingerprints !== null) {
      return new Set(Object.keys(fingerprints))
    }
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'there is no such file'
        : (cause as Error).message
    throw new HoldfastError('HF_REVIEW_SETTINGS', `The baseline ${file} cannot be read: ${why}.`, {
      cause,
    })
  }
  throw new HoldfastError(
    'HF_REVIEW_SETTINGS',
    `${file} is no baseline: write one with --write-baseline.`,
  )
}

export function writeBaseline(file: string, findings: readonly Finding[]): void {
  const sorted = findings.toSorted((left, right) => (left.fingerprint < right.fingerprint ? -1 : 1))
  const fingerprints = Object.fromEntries(
    sorted.map(({ fingerprint, rule, path }) => [fingerprint, `${rule} ${path}`]),
  )
  writeFileSync(file, `${JSON.stringify({ version: 1, fingerprints }, null, 2)}\n`)
}
