import {
  above,
  calledName,
  functionAround,
  is,
  isFunction,
  type Node,
  outside,
} from '../syntax/node.ts'
import { isOnce, isServing } from './common.ts'
import type { Detector, Look } from './detector.ts'

/** Made when it is first asked for, and kept. */
const SINGLETON =
  /getInstance|create\w*(?:Instance|Client|Connection|Pool)|^(?:init|bootstrap|load\w*Config)/

const SYNC_FS =
  /^(?:readFileSync|writeFileSync|appendFileSync|readdirSync|statSync|copyFileSync|rmSync|unlinkSync|cpSync)$/
const SYNC_CPU =
  /^(?:pbkdf2Sync|scryptSync|hashSync|compareSync|execSync|spawnSync|execFileSync|gzipSync|gunzipSync|deflateSync|inflateSync|brotliCompressSync|generateKeyPairSync|argon2Sync)$/

export const syncFsOnEventLoop: Detector = {
  id: 'sync-fs-on-event-loop',
  level: 'warning',
  consequence:
    'While the disk is read nobody else is served: with a slow or network disk the whole process stands still.',
  check: (look) =>
    inspectSync(
      look,
      SYNC_FS,
      (name) =>
        `await ${name.replace('Sync', '')}(…) of node:fs/promises, or read it once at start`,
    ),
}

export const syncCpuOnEventLoop: Detector = {
  id: 'sync-cpu-on-event-loop',
  level: 'warning',
  consequence:
    'A hash of 100 ms is ten logins a second for the whole process, and nothing else in between.',
  check: (look) =>
    inspectSync(
      look,
      SYNC_CPU,
      (name) =>
        `the asynchronous ${name.replace('Sync', '')}(), which runs in the thread pool, or a worker`,
    ),
}

/** cache.getOrSet(key, () => read()): now and then, not for each request. */
function isBehindCache(node: Node): boolean {
  const handed = above(node, (at) => {
    const call = isFunction(at) ? outside(at) : undefined
    return is(call, 'CallExpression') && CACHES.test(calledName(call) ?? '')
  })
  return handed !== undefined
}

const CACHES =
  /^(?:getOr(?:Set|Create|Compute|Load)\w*|fetchOr\w+|remember|memoi[sz]e\w*|cached|withCache|wrap)$/

function inspectSync(look: Look, names: RegExp, fix: (name: string) => string): void {
  // Several in one function are one finding.
  const told = new Set<Node>()
  for (const call of look.module.all('CallExpression')) {
    const name = calledName(call) ?? ''
    const around = functionAround(call)
    if (!names.test(name) || around === undefined || told.has(around)) continue
    const trail = isServing(look, call)
    if (
      trail === undefined ||
      isOnce(look.module, call) ||
      isBehindCache(call) ||
      trail.some(
        ({ module, node, label }) =>
          SINGLETON.test(label) || isOnce(module, node) || isBehindCache(node),
      )
    )
      continue
    told.add(around)
    look.report(call, {
      message: `${name}() while a request is answered.`,
      fix: fix(name),
      confidence: 'high',
      // A name that is looked up or taken away takes no time; a file that is read, as long as it is.
      level: SYNC_FS.test(name) && name !== 'readFileSync' ? 'info' : 'warning',
      trail,
    })
  }
}
