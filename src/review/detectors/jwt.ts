/** Tokens that sign themselves in. */
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  type FunctionNode,
  functionAround,
  is,
  isInside,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { objectAt } from './common.ts'
import type { Detector, Look } from './detector.ts'

function jwtCalls({ module, values }: Look, method: string): readonly CallNode[] {
  return module.all('CallExpression').filter((call) => {
    if (calledName(call) !== method) return false
    const value = values.of(module, call.callee)
    return value?.kind === 'outside' && value.source === 'jsonwebtoken'
  })
}

export const jwtAlgConfusion: Detector = {
  id: 'jwt-alg-confusion',
  level: 'error',
  consequence:
    'A token that nobody signed, or that was signed with the public key as a secret, is taken for real.',
  check(look) {
    for (const call of jwtCalls(look, 'verify')) inspectVerify(look, call)
    for (const call of jwtCalls(look, 'decode')) inspectDecode(look, call)
    for (const test of look.module.all('BinaryExpression')) inspectOwnCheck(look, test)
  },
}

/** alg === 'HS256' ? createHmac(…) : verify(…), by the header of the token. */
function inspectOwnCheck(look: Look, test: NodeOf<'BinaryExpression'>): void {
  const around = functionAround(test)
  const named = [test.left, test.right]
    .map((each) => bare(each))
    .find((each) => is(each, 'Identifier'))
  if (!/^===?$/.test(test.operator) || !is(named, 'Identifier') || named.name !== 'alg') return
  const declaration = look.module.binding(named)?.declaration
  const isOfToken = declaration !== undefined && /JSON\.parse/.test(look.module.source(declaration))
  const source = around === undefined ? '' : look.module.source(around)
  if (!isOfToken || !/createHmac\(/.test(source) || !/\b(?:verify|createVerify)\(/.test(source))
    return
  look.report(test, {
    level: hasOneKey(look.module, around) ? 'error' : 'warning',
    message: 'The header of the token chooses between a secret and a public key.',
    fix: "Decide on one algorithm, and refuse the others before the signature is looked at: if (alg !== 'RS256') throw …",
    confidence: 'high',
  })
}

/** The same key for both: with one for each, nobody can take the one for the other. */
function hasOneKey(module: Module, around: FunctionNode | undefined): boolean {
  const calls = module.all('CallExpression').filter((call) => isInside(call, around))
  const secrets = calls.filter((call) => calledName(call) === 'createHmac')
  const others = calls.filter((call) => calledName(call) === 'verify')
  return secrets.some(({ arguments: [, secret] }) =>
    others.some(({ arguments: given }) =>
      given.some((each) => secret !== undefined && module.source(each) === module.source(secret)),
    ),
  )
}

function inspectVerify(look: Look, call: CallNode): void {
  const options = objectAt(look.module, call, 2)
  const algorithms = propertyOf(options, 'algorithms')
  const text = algorithms === undefined ? '' : look.module.source(algorithms)
  const key = call.arguments[1]
  const isPublic = key !== undefined && /public|cert|pem|jwks/i.test(look.module.source(key))
  const isNone = /['"]none['"]/i.test(text)
  const isMixed = /HS\d/.test(text) && /[RE]S\d/.test(text)
  const ignores = propertyOf(options, 'ignoreExpiration')
  if (
    ignores !== undefined &&
    look.module.source(ignores) === 'true' &&
    !/refresh|logout|revoke/i.test(look.module.source(functionAround(call) ?? call))
  ) {
    look.report(call, {
      // Who may come with a token that has ended is often asked on purpose.
      level: decidesWhoAsks(look, call) ? 'error' : 'warning',
      message: 'ignoreExpiration: a token is good for ever.',
      fix: 'Leave ignoreExpiration out.',
      confidence: 'high',
      consequence: 'A stolen token never ends.',
    })
    return
  }
  if (
    !isNone &&
    !isMixed &&
    !(isPublic && algorithms === undefined && (call.arguments.length < 3 || options !== undefined))
  )
    return
  look.report(call, {
    message:
      isNone || isMixed
        ? `The algorithms ${text} let the sender choose how he is checked.`
        : 'The token itself says by which algorithm it is checked.',
    // jsonwebtoken goes by the kind of the key then, where it can tell it.
    level: isNone ? 'error' : 'warning',
    fix: "jwt.verify(token, publicKey, { algorithms: ['RS256'], audience: 'api', issuer: 'https://id.example.com' })",
    confidence: 'high',
  })
}

/** By the token of the request, which is refused where it is none: not to renew, revoke or tell its end. */
function decidesWhoAsks(look: Look, call: CallNode): boolean {
  const token = call.arguments[0]
  const around = functionAround(call)
  if (token === undefined || around === undefined) return false
  const source = look.module.source(around)
  return (
    look.requests.of(look.module, token) !== undefined &&
    /\b401\b|unauthori[sz]ed|unauthenticated/i.test(source) &&
    !/renew|log_?out|sign_?out|\bexp\b|expired|expires|rotat|iat\b|grace/i.test(source) &&
    !/refresh|log_?out|renew|revo/i.test(look.module.path)
  )
}

/** decode() reads what anybody may have written. */
function inspectDecode(look: Look, call: CallNode): void {
  const around = functionAround(call)
  if (
    around === undefined ||
    /\bverify\w*\(/.test(look.module.source(around)) ||
    propertyOf(objectAt(look.module, call, 1), 'complete') !== undefined
  )
    return
  const source = look.module.source(around)
  const decides =
    /req\.(?:user|auth|userId|principal)\s*=|\.(?:user|userId|principal)\s*=[^=]|next\(\)|canActivate|\.role\b|isAdmin/.test(
      source,
    )
  if (!decides) return
  look.report(call, {
    // Whether something before it has looked at the signature is not seen.
    level: 'warning',
    message: 'jwt.decode() does not check the signature, and the result decides who is asking.',
    fix: "jwt.verify(token, secret, { algorithms: ['HS256'] })",
    confidence: 'high',
  })
}

export const jwtNoAudience: Detector = {
  id: 'jwt-no-audience',
  level: 'info',
  consequence: 'A token that was made for another service of the same issuer opens this one.',
  check(look) {
    for (const call of jwtCalls(look, 'verify')) {
      const options = objectAt(look.module, call, 2)
      const isSeen = call.arguments.length < 3 || options !== undefined
      if (
        !isSeen ||
        hasSpreadIn(options) ||
        propertyOf(options, 'audience') !== undefined ||
        /\baud\b|audience|\biss\b/.test(look.module.source(functionAround(call) ?? call))
      )
        continue
      look.report(call, {
        message: 'The token is checked, but not for whom it was made.',
        fix: "jwt.verify(token, key, { algorithms: ['RS256'], audience: 'orders-api', issuer })",
        confidence: 'medium',
      })
    }
  },
}

export const jwtNoExpiry: Detector = {
  id: 'jwt-no-expiry',
  level: 'warning',
  consequence: 'A token that leaks once is good until the secret is changed for everybody.',
  check(look) {
    for (const call of jwtCalls(look, 'sign')) {
      const payload = objectAt(look.module, call, 0)
      const options = objectAt(look.module, call, 2)
      const isSeen = call.arguments.length < 3 || options !== undefined
      if (!isSeen || hasSpreadIn(options) || propertyOf(options, 'expiresIn') !== undefined)
        continue
      const given = call.arguments[0]
      if (hasEndOfItsOwn(payload) || hasSpreadIn(payload) || given === undefined) continue
      if (/seed/i.test(look.module.path)) continue
      if (
        payload === undefined &&
        /exp\b|expir/i.test(look.module.source(functionAround(call) ?? call))
      )
        continue
      if (textOf(propertyOf(options, 'algorithm')) === 'none') continue
      // Its end may stand in what is not seen, or in the row that it is kept in.
      const isKept = /\bexpir\w*(?:Date|At|On|_at)\b/i.test(look.module.text)
      look.report(call, {
        level: isKept || payload === undefined ? 'info' : 'warning',
        message: 'A token without an end.',
        fix: "jwt.sign(payload, key, { expiresIn: '15m' }), and a refresh token that can be revoked",
        confidence: 'high',
      })
    }
  },
}

/** exp, or a field of the application's own that it looks at: expiresAt. */
function hasEndOfItsOwn(payload: NodeOf<'ObjectExpression'> | undefined): boolean {
  return (
    payload?.properties.some(
      (each) =>
        is(each, 'Property') && /exp(?:$|ir)|(?:created|issued)_?at/i.test(nameOf(each.key) ?? ''),
    ) === true
  )
}

function hasSpreadIn(object: NodeOf<'ObjectExpression'> | undefined): boolean {
  return object?.properties.some((each) => is(each, 'SpreadElement')) === true
}
