/**
 * Settings of a project: holdfast.review.json, `review` in holdfast.config.ts, or
 * "holdfast": { "review": { … } } in its package.json; the first that there is.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { didYouMean } from '../../base/did-you-mean.ts'
import { HoldfastError } from '../../base/fault.ts'
import { isPlainFile, recordOf } from '../project/packages.ts'
import { reviewOfConfigFile } from './config-file.ts'
import { LEVELS, type Level } from './finding.ts'

export interface Settings {
  /** What is shown, and fails: warning by default. */
  readonly level: Level | undefined
  readonly off: readonly string[]
  /** Globs of paths that are not reviewed. */
  readonly ignore: readonly string[]
}

const FILE = 'holdfast.review.json'
const NAMES = ['level', 'off', 'ignore']

/** @param config The project file, absolute; the one in `root` by default. */
export async function settingsOf(
  root: string,
  rules: readonly string[],
  config?: string,
): Promise<Settings> {
  const found = fromFile(root) ?? (await reviewOfConfigFile(root, config)) ?? fromManifest(root)
  if (found === undefined) return { level: undefined, off: [], ignore: [] }
  const { where, value } = found
  if (!isObject(value)) throw invalid(`${where}: must be an object.`)
  const settings = recordOf(value)
  for (const name of Object.keys(settings)) {
    if (!NAMES.includes(name))
      throw invalid(`${where}: "${name}" is unknown${didYouMean(name, NAMES) || '.'}`)
  }
  const off = texts(where, 'off', settings.off)
  for (const rule of off) {
    if (!rules.includes(rule))
      throw invalid(`${where}: there is no rule "${rule}"${didYouMean(rule, rules) || '.'}`)
  }
  return {
    level: levelOf(where, settings.level),
    off,
    ignore: texts(where, 'ignore', settings.ignore),
  }
}

function fromFile(root: string): { where: string; value: unknown } | undefined {
  const file = join(root, FILE)
  return isPlainFile(file) ? { where: FILE, value: read(file, FILE) } : undefined
}

function fromManifest(root: string): { where: string; value: unknown } | undefined {
  const file = join(root, 'package.json')
  if (!isPlainFile(file)) return undefined
  const { holdfast = {} } = recordOf(read(file, 'package.json'))
  if (!isObject(holdfast)) throw invalid('package.json, holdfast: must be an object.')
  const value = recordOf(holdfast).review
  return value === undefined ? undefined : { where: 'package.json, holdfast.review', value }
}

function read(file: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw invalid(`${name} is no JSON: ${(cause as Error).message}.`)
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function texts(where: string, name: string, value: unknown): readonly string[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw invalid(`${where}: ${name} must be a list of strings.`)
}

export function levelOf(where: string, value: unknown): Level | undefined {
  if (value === undefined) return undefined
  const found = LEVELS.find((level) => level === value)
  if (found !== undefined) return found
  throw invalid(`${where}: the level must be one of ${LEVELS.join(', ')}.`)
}

function invalid(message: string): HoldfastError {
  return new HoldfastError('HF_REVIEW_SETTINGS', message)
}
