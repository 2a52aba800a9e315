/** Which origins may send requests with the cookies of their visitors. */
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  functionAround,
  is,
  isFunction,
  type Node,
  type NodeOf,
  outside,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { conditionsAbove, isForDevelopment, objectOf } from './common.ts'
import type { Claim, Detector, Look } from './detector.ts'

export const wildcardCors: Detector = {
  id: 'wildcard-cors',
  level: 'error',
  consequence: 'Any page that a signed-in user opens can read his data and act for him.',
  check(look) {
    for (const call of look.module.all('CallExpression')) {
      const name = calledName(call) ?? ''
      if (!/^(?:cors|enableCors|register|use)$/i.test(name)) continue
      const options = call.arguments
        .map((each) => objectOf(look.module, each))
        .find((each) => propertyOf(each, 'credentials') !== undefined)
      if (
        options !== undefined &&
        isTrue(propertyOf(options, 'credentials')) &&
        !isForDevelopment(look.module, call) &&
        isAnybody(look.module, propertyOf(options, 'origin'))
      ) {
        look.report(call, {
          level: isOpenToAll(look, call) ? 'error' : 'warning',
          ...corsClaim(propertyOf(options, 'origin')),
          confidence: 'high',
        })
      }
    }
    for (const call of look.module.all('CallExpression')) inspectHeader(look, call)
  },
}

/** Of the whole application, always, and a browser sends its cookies along. */
function isOpenToAll(look: Look, call: CallNode): boolean {
  return (
    conditionsAbove(call, functionAround(call)).length === 0 &&
    isOfWhole(look.module, call) &&
    usesCookies(look)
  )
}

/** app.use(cors(…)), by itself or through a constant; not one route, and no folder. */
function isOfWhole(module: Module, call: CallNode): boolean {
  if (calledName(call) !== 'cors') return isEverywhere(call)
  const parent = outside(call)
  if (is(parent, 'VariableDeclarator') && is(parent.id, 'Identifier')) {
    const binding = module.scopes.find(parent.id, parent.id.name)
    const uses = binding === undefined ? [] : module.references(binding)
    return uses.some((use) => {
      const user = outside(use)
      return is(user, 'CallExpression') && isEverywhere(user)
    })
  }
  return is(parent, 'CallExpression') && isEverywhere(parent)
}

function isEverywhere(call: CallNode): boolean {
  const name = calledName(call) ?? ''
  if (!/^(?:use|register|enableCors)$/.test(name)) return false
  const path = textOf(call.arguments[0])
  return path === undefined || /^\/?\*?$/.test(path)
}

/** Sessions, and cookies that are set or read; what only takes them apart uses none. */
const COOKIES =
  /['"](?:express-session|cookie-session|@fastify\/(?:session|secure-session)|koa-session|iron-session|next-auth|better-auth)['"/]|\b(?:setCookie|getCookie|setSignedCookie|res(?:ponse)?\.cookie|reply\.cookie|cookies\.(?:set|get))\(|\breq(?:uest)?\.(?:signedC|c)ookies\b|\{[^{}\n]*\b(?:signedC|c)ookies\b[^{}\n]*\}\s*=\s*req\b/

/** Who signs in by a header is not signed in on the page of a stranger. */
function usesCookies({ project, module }: Look): boolean {
  const { folder } = project.packageOf(module)
  const own = project.modules.filter((each) => project.packageOf(each).folder === folder)
  return (
    own.some(({ text }) => COOKIES.test(text.replaceAll(/(?<!:)\/\/.*/g, ''))) &&
    !own.some(({ text }) => /sameSite['"]?\s*:\s*(?:true|['"](?:strict|lax)['"])/i.test(text))
  )
}

function isTrue(node: Node | undefined): boolean {
  return (
    node !== undefined &&
    is(bare(node), 'Literal') &&
    (bare(node) as NodeOf<'Literal'>).value === true
  )
}

/** A star is sent as it is, and no browser takes it together with cookies; what is mirrored, all do. */
function corsClaim(origin: Node | undefined): Pick<Claim, 'message' | 'fix' | 'level'> {
  const fix = "origin: ['https://app.example.com'], credentials: true — or no credentials"
  return origin !== undefined && textOf(bare(origin)) === '*'
    ? {
        message:
          'Credentials for any origin: browsers refuse it, and the next step is to mirror the origin.',
        fix,
        level: 'info',
      }
    : { message: 'Any origin may send requests with the cookies of its visitors.', fix }
}

/** true, '*' (where a library then mirrors), a pattern for everything, a callback that always agrees. */
function isAnybody(module: Module, origin: Node | undefined): boolean {
  if (origin === undefined) return false
  const at = bare(origin)
  if (isTrue(at) || textOf(at) === '*') return true
  if (is(at, 'Literal') && at.regex !== undefined) return /^(?:\.\*|\^?\.\+)/.test(at.regex.pattern)
  if (!isFunction(at)) return false
  const body = at.body ?? at
  const source = module.source(body)
  return (
    /^\{?\s*(?:return\s+)?\w+\(\s*null\s*,\s*(?:true|origin)\s*\)\s*;?\s*\}?$/.test(source) ||
    /^\{?\s*(?:return\s+)?origin;?\s*\}?$/.test(source)
  )
}

/** res.setHeader('Access-Control-Allow-Origin', req.headers.origin) */
function inspectHeader(look: Look, call: CallNode): void {
  const [name, value] = call.arguments
  if (
    !/^(?:setHeader|header|set)$/.test(calledName(call) ?? '') ||
    textOf(name)?.toLowerCase() !== 'access-control-allow-origin' ||
    value === undefined
  )
    return
  const around = functionAround(call)
  const source = around === undefined ? '' : look.module.source(around)
  const mirrors = /^\w+\.(?:headers\.origin|header\(['"]origin['"]\)|get\(['"]origin['"]\))/i.test(
    look.module.source(value),
  )
  if (
    !mirrors ||
    !/allow-credentials/i.test(source) ||
    /\.includes\(|\.has\(|allow(?:ed|list)|\.test\(|if\s*\(/i.test(
      source.replaceAll(/access-control-allow-\w+/gi, ''),
    )
  )
    return
  look.report(call, {
    // Of one route, which may tell nothing that anybody would mind.
    level: 'warning',
    message: "The caller's origin is sent back as the allowed one, with credentials.",
    fix: "if (ALLOWED.has(origin)) res.setHeader('Access-Control-Allow-Origin', origin)",
    confidence: 'high',
  })
}
