/**
 * The settings of a review in the project file: `review: { … }` of `export const config`. The file is
 * parsed and never run, so they must be written out.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { isPlainFile } from '../project/packages.ts'
import { Module } from '../syntax/module.ts'
import {
  bare,
  calledName,
  is,
  type Node,
  nameOf,
  outside,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { loadParser } from '../syntax/parser.ts'

const FILES = ['holdfast.config.ts', 'holdfast.config.mts', 'holdfast.config.js']

export async function reviewOfConfigFile(
  root: string,
  given: string | undefined,
): Promise<{ readonly where: string; readonly value: unknown } | undefined> {
  const path = given ?? FILES.find((name) => isPlainFile(join(root, name)))
  const text = path === undefined ? '' : readFileSync(resolve(root, path), 'utf8')
  // Most have none, and need no parser.
  if (path === undefined || !/\breview\b/.test(text)) return undefined
  const parser = await loadParser()
  const parsed = parser.parse(path, text)
  if (parsed.fault) throw invalid(`${path} cannot be parsed: ${parsed.fault.message}.`)
  const module = new Module({ path, text }, parsed, parser)
  const node = module
    .all('ObjectExpression')
    .filter(isConfig)
    .map((each) => propertyOf(each, 'review'))
    .find((each) => each !== undefined)
  const where = `${path}, review`
  return node && { where, value: written(node, where) }
}

/** `export const config = { … }`, and defineConfig({ … }). */
function isConfig(node: Node): boolean {
  const parent = outside(node)
  if (is(parent, 'CallExpression')) return calledName(parent) === 'defineConfig'
  return is(parent, 'VariableDeclarator') && nameOf(parent.id) === 'config'
}

/** What literals say without being run. */
function written(node: Node, where: string): unknown {
  const at = bare(node)
  const text = textOf(at)
  if (text !== undefined) return text
  if (is(at, 'ArrayExpression'))
    return at.elements.map((each) => (each ? written(each, where) : null))
  if (is(at, 'ObjectExpression'))
    return Object.fromEntries(at.properties.map((each) => writtenEntry(each, where)))
  throw notWritten(where)
}

function writtenEntry(property: Node, where: string): readonly [string, unknown] {
  const name = is(property, 'Property') ? nameOf(property.key) : undefined
  if (!is(property, 'Property') || name === undefined) throw notWritten(where)
  return [name, written(property.value, where)]
}

function notWritten(where: string): HoldfastError {
  return invalid(
    `${where}: write it out as texts and lists; this file is read by the review, and never run.`,
  )
}

function invalid(message: string): HoldfastError {
  return new HoldfastError('HF_REVIEW_SETTINGS', message)
}
