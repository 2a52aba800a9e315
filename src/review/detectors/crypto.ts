/** Secrets: how they are kept, made, checked and leaked. */

import type { Effect } from '../project/effects.ts'
import { functionName } from '../project/functions.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  type CallNode,
  calledName,
  classAround,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  outside,
  textOf,
} from '../syntax/node.ts'
import { isForDevelopment } from './common.ts'
import type { Detector, Look } from './detector.ts'
import { isKeptAsPassword } from './kept-password.ts'

const PASSWORD = /passw|pwd|passphrase/i
const SECRET_USE =
  /passw|token|secret|signature|\bsign|hmac|api_?key|credential|session|reset|otp|auth/i

/** crypto.createHash('md5').update(x): the hash and what goes into it. */
function hashesIn({
  module,
}: Look): readonly { call: CallNode; algorithm: string; inputs: string }[] {
  return module.all('CallExpression').flatMap((call) => {
    if (calledName(call) !== 'createHash') return []
    const algorithm = textOf(call.arguments[0])?.toLowerCase()
    return algorithm === undefined ? [] : [{ call, algorithm, inputs: updatesOf(module, call) }]
  })
}

function updatesOf(module: Module, call: CallNode): string {
  let at: Node = call
  const inputs: string[] = []
  while (is(at.parent, 'MemberExpression') && is(at.parent.parent, 'CallExpression')) {
    const outer = at.parent.parent
    if (memberName(at.parent) === 'update')
      inputs.push(...outer.arguments.map((each) => module.source(each)))
    at = outer
  }
  return inputs.join(' ')
}

export const plainPassword: Detector = {
  id: 'plain-password',
  level: 'warning',
  consequence:
    'Whoever gets a copy of the table has the passwords, here and wherever else they are used.',
  check(look) {
    for (const { call, algorithm, inputs } of hashesIn(look)) {
      if (!PASSWORD.test(inputs) || isFirstStep(look.module)) continue
      // Hashed already, or one half of a login that the other side prescribes.
      if (/encrypted|hash|digest|challenge|nonce/i.test(inputs)) continue
      look.report(call, {
        level: isWeak(algorithm) && isKeptAsPassword(look, call) ? 'warning' : 'info',
        message: `A password is hashed with ${algorithm}, of which a graphics card tries billions a second.`,
        fix: 'await argon2.hash(password), or crypto.scrypt / node:crypto argon2 with a salt of its own for each password',
        confidence: 'high',
      })
    }
    for (const comparison of look.module.all('BinaryExpression'))
      inspectComparison(look, comparison)
    for (const effect of look.effects.in(look.module)) inspectInsert(look, effect)
  },
}

function isWeak(algorithm: string): boolean {
  return /^(?:md5|sha1|md4|ripemd160)$/.test(algorithm)
}

/** Before a slow hash, or to ask a list of leaked passwords: neither is stored. */
function isFirstStep({ path, text }: Module): boolean {
  return /pwned/i.test(`${path} ${text}`) || /bcrypt|argon2|scrypt|\brounds\b/i.test(text)
}

/** INSERT INTO users (…, password) VALUES (…, $n), with the password itself as $n. */
function inspectInsert(look: Look, { sql, verb, node }: Effect): void {
  const insert = /^\s*insert\s+into\s+[\w."]+\s*\(([^)]*)\)\s*values\s*\(([^)]*)\)/i.exec(
    sql?.text ?? '',
  )
  if (insert === null || sql === undefined || sql.holes.length > 0) return
  const [columns = [], values = []] = insert
    .slice(1)
    .map((list) => list.split(',').map((each) => each.trim().replaceAll('"', '')))
  const value = values[columns.findIndex((each) => /^(?:password|passwd|pwd)$/i.test(each))]
  const given = parametersOf(verb.args?.[1])[Number(/^\$(\d+)$/.exec(value ?? '')?.[1]) - 1]
  const plain = given && bare(given)
  if (!is(plain, 'Identifier') || !isTyped(look, plain)) return
  look.report(node, {
    message: 'A password is stored as it was typed.',
    fix: 'const passwordHash = await argon2.hash(password), and store that: it says how it was made, so that it can be made harder later',
    confidence: 'medium',
  })
}

function parametersOf(values: Node | undefined): readonly (Node | null | undefined)[] {
  const list = values && bare(values)
  return is(list, 'ArrayExpression') ? list.elements : []
}

/** A parameter or a field of the request called password, and nobody who hashed it on its way. */
function isTyped({ module, functions, requests }: Look, name: NodeOf<'Identifier'>): boolean {
  const binding = module.binding(name)
  const around = functionAround(name)
  if (!/^(?:password|passwd|pwd|plain_?password)$/i.test(name.name) || around === undefined)
    return false
  if (requests.of(module, name) !== undefined) return true
  if (binding?.kind !== 'parameter' || HASHES.test(module.source(around))) return false
  return functions
    .callers(around)
    .every((call) => !HASHES.test(call.module.source(functionAround(call.node) ?? call.node)))
}

const HASHES = /hash|bcrypt|argon|scrypt|pbkdf|encrypt|digest/i

/** user.password === req.body.password */
function inspectComparison(
  look: Look,
  { operator, left, right, start, end, type }: NodeOf<'BinaryExpression'>,
): void {
  if (!/^[!=]==?$/.test(operator)) return
  const sides = [left, right].map((each) => bare(each))
  const stored = sides.find(
    (each) =>
      is(each, 'MemberExpression') &&
      /^(?:password|passwd|pwd|pass)$/i.test(memberName(each) ?? '') &&
      !/req|body|input|dto|form|confirm/i.test(look.module.source(each)),
  )
  const given = sides.find((each) => each !== stored)
  if (stored === undefined || given === undefined || !look.requests.of(look.module, given)) return
  if (/confirm|repeat|again/i.test(look.module.source(given))) return
  look.report(
    { type, start, end },
    {
      message: 'A password is compared as it was typed: it is stored in plain text.',
      fix: 'if (!(await argon2.verify(user.passwordHash, password))) …',
      confidence: 'high',
    },
  )
}

export const weakHash: Detector = {
  id: 'weak-hash',
  level: 'warning',
  consequence:
    'Collisions are made on a laptop: a signature, token or check made with it can be forged.',
  check(look) {
    for (const { call, algorithm, inputs } of hashesIn(look)) {
      if (!isWeak(algorithm) || PASSWORD.test(inputs)) continue
      if (/cache_?key/i.test(look.module.text.slice(call.end, call.end + 400))) continue
      const purpose = `${inputs} ${namesAround(look.module, call)}`
      if (
        !SECRET_USE.test(purpose) ||
        /mail_?hash|(?<!api_?)key\b|lock|cool|throttl|limit|etag|cache|checksum|fingerprint|gravatar|hashkey|digest_?auth|\brealm\b|ha1|ha2|dedup|short|seed|color|avatar|contentHash|author/i.test(
          purpose,
        )
      )
        continue
      look.report(call, {
        // What it is for is read from names alone.
        level: 'info',
        message: `${algorithm} protects a token or a signature.`,
        fix: "createHmac('sha256', secret).update(text), compared with timingSafeEqual",
        confidence: 'medium',
      })
    }
  },
}

function namesAround(module: Module, node: Node): string {
  const names: string[] = []
  for (let at = node.parent; at !== undefined && names.length < 2; at = at.parent) {
    const { id, key } = at as { id?: Node; key?: Node }
    const name = nameOf(id ?? key)
    if (name !== undefined && /Declarator|Function|Method|Property/.test(at.type)) names.push(name)
  }
  return `${names.join(' ')} ${module.path.split('/').at(-1) ?? ''}`.replace(/\.[a-z.]+$/, '')
}

export const ownCrypto: Detector = {
  id: 'own-crypto',
  level: 'error',
  consequence:
    'It looks random, or secret, and is neither: the next token can be computed from the last ones.',
  check(look) {
    for (const call of look.module.all('CallExpression')) {
      inspectRandom(look, call)
      inspectCipher(look, call)
    }
  },
}

const TOKEN =
  /token|secret|password|passwd|otp\b|\botp|apiKey|api_key|sessionId|session_id|csrf|verification_?code|reset_?code|nonce|password_?salt|recovery|inviteCode|accessKey/i

function inspectRandom(look: Look, call: CallNode): void {
  if (dotted(call.callee) !== 'Math.random') return
  if (/fak|mock|sample|predefined|random-?data|playground/i.test(look.module.path)) return
  const purpose = purposeOf(call)
  if (
    purpose === undefined ||
    !TOKEN.test(purpose) ||
    /tokenize|count|colou?r|sample|delay|jitter|mock|fake|placeholder|index/i.test(purpose) ||
    // Where the characters are drawn well, their order may be anybody's.
    /getRandomValues|randomBytes|randomInt|randomUUID/.test(
      look.module.source(functionAround(call) ?? call),
    ) ||
    isCompared(call) ||
    isOneOfAList(call) ||
    NAMED_BEFORE_FOR.test(purpose)
  )
    return
  look.report(call, {
    level: isOfLock(look.module, call)
      ? 'info'
      : isSurelySecret(look, call, purpose)
        ? 'error'
        : 'warning',
    message: `Math.random() makes ${purpose}.`,
    fix: "randomBytes(32).toString('base64url'), randomUUID() or randomInt(1_000_000) of node:crypto",
    confidence: 'high',
  })
}

/** What nobody may guess, by its name; a token may also be what tells two owners of a lock apart. */
const SURELY_SECRET =
  /passw|secret|otp\b|\botp|api_?key|(?:verification|reset|recovery)_?(?:code|key)|(?:generate|create|make)\w*(?:token|otp)$|access_?(?:key|token)/i
/** What goes with a secret and is none, and tokens that tell one from another. */
const BESIDE_SECRET =
  /expir|ttl|interval|timeout|time$|wait|backoff|retr(?:y|ies)|offset|probab|chance|weight|length|size|limit|label|hint|id$|attempt|version|port$|santa|word$(?<!password)|number$|lock|cancel|request|trac|correlat|idempot|page|device|socket|room|worker|task|job|build|cursor|file|dummy|test|demo|guest|anonym|fallback|polyfill|insecure|pseudo|strength|score|rating|percent/i
/** signInWithPassword() draws something, and no password. */
const MAKES_SECRET =
  /^(?!_?(?:get|send|fetch|request|change|update|set|log|sign|forgot|verify|validate|check|confirm|handle|on|use|test|require|has|is|parse|decode|read|find|load|refresh|revoke|save|store))(?!\w*(?:with|from|by)[a-z_])\w*(?:passw(?:or)?d|secret|otp|code|token|key)s?$/i
/** What is random in a token that is signed is not what protects it. */
const SIGNS = /\bjwt\b|jsonwebtoken|\bsign\w*\(|createHmac|jose\b/i

function isSurelySecret({ module }: Look, call: CallNode, purpose: string): boolean {
  const around = functionAround(call)
  return (
    SURELY_SECRET.test(purpose) &&
    !BESIDE_SECRET.test(purpose) &&
    (around === undefined || functionName(around) !== purpose || MAKES_SECRET.test(purpose)) &&
    !isForDevelopment(module, call) &&
    !(around !== undefined && /token$/i.test(purpose) && SIGNS.test(module.source(around)))
  )
}

/** generateIdForToken(): what is made stands before what it is for. */
const NAMED_BEFORE_FOR = /(?:id|name|number|index|colou?r|class|key)_?(?:for|of)(?=[A-Z_])/i

/** Two owners of a lock are told apart by it; nobody gains by guessing the other. */
function isOfLock(module: Module, call: CallNode): boolean {
  const names = [
    module.path.split('/').at(-1) ?? '',
    classAround(call)?.id?.name ?? '',
    ...functionsAround(call).map((each) => functionName(each) ?? ''),
  ]
  const target = above(call, (each) => is(each, 'VariableDeclarator') || is(each, 'Property'))
  if (target !== undefined) names.push(module.source(target))
  return names.some((name) => LOCK.test(name))
}

const LOCK = /(?<![a-z])(?:lock|mutex|lease|semaphore)|(?:Lock|Mutex|Lease|Semaphore)(?![a-z])/

function functionsAround(node: Node): readonly FunctionNode[] {
  const around = functionAround(node)
  return around === undefined ? [] : [around, ...functionsAround(around)]
}

/** const apiKey = KEYS[Math.floor(Math.random() * KEYS.length)]: one that is there already. */
function isOneOfAList(call: CallNode): boolean {
  const picked = above(
    call,
    (each) => (is(each, 'MemberExpression') && each.computed) || isFunction(each),
  )
  if (!is(picked, 'MemberExpression')) return false
  const taken = outside(picked)
  return (
    (is(taken, 'VariableDeclarator') && TOKEN.test(nameOf(taken.id) ?? '')) ||
    is(taken, 'Property') ||
    (is(taken, 'AssignmentExpression') && taken.operator === '=')
  )
}

/** Math.random() < 0.01: one of a hundred is looked at. */
function isCompared({ parent }: Node): boolean {
  return is(parent, 'BinaryExpression') && /^[<>]/.test(parent.operator)
}

/** The variable, property or function that the value goes to. */
function purposeOf(node: Node): string | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    const { id, key } = at as { id?: Node; key?: Node }
    if (
      is(at, 'VariableDeclarator') ||
      is(at, 'Property') ||
      is(at, 'MethodDefinition') ||
      is(at, 'FunctionDeclaration') ||
      is(at, 'PropertyDefinition')
    ) {
      const name = nameOf(id ?? key)
      // hashPassword() makes more than a password: the number of a request, a pause.
      if (
        !is(at, 'VariableDeclarator') &&
        /^(?:hash|verify|check|compare|encrypt|reset|format|mask)/i.test(name ?? '')
      )
        return undefined
      if (name !== undefined && (TOKEN.test(name) || !is(at, 'VariableDeclarator'))) return name
    }
    // password.prototype.format = …: a method, by its last name.
    if (is(at, 'AssignmentExpression'))
      return is(bare(at.right), 'FunctionExpression')
        ? dotted(at.left)?.split('.').at(-1)
        : dotted(at.left)
  }
  return undefined
}

function inspectCipher(look: Look, call: CallNode): void {
  const name = calledName(call)
  const algorithm = textOf(call.arguments[0])?.toLowerCase() ?? ''
  const isOld =
    (name === 'createCipher' || name === 'createDecipher') &&
    call.arguments.length >= 2 &&
    /crypto/.test(look.module.text)
  const isWeak =
    (name === 'createCipheriv' || name === 'createDecipheriv') && /ecb|^des|rc4|^bf/.test(algorithm)
  const isUnsigned =
    name === 'createCipheriv' &&
    /-(?:ctr|cfb\d*|ofb)$/.test(algorithm) &&
    !/hmac|authtag|scrypt|pbkdf|hkdf|\bsign\(/i.test(look.module.text)
  const iv = name === 'createCipheriv' ? call.arguments[2] : undefined
  const isFixed =
    iv !== undefined &&
    !isWeak &&
    (textOf(iv) !== undefined || /^Buffer\.(?:alloc\(|from\(['"])/.test(look.module.source(iv)))
  if (isUnsigned && !isOld && !isWeak && !isFixed) {
    look.report(call, {
      message: `${algorithm} hides the text and does not seal it: whoever flips a bit of the one flips that bit of the other.`,
      consequence: 'An amount, a role or a date is changed without the key, and nothing notices.',
      fix: "createCipheriv('aes-256-gcm', key, randomBytes(12)), the vector and the tag kept beside the text",
      confidence: 'medium',
      level: 'warning',
    })
    return
  }
  if (!isOld && !isWeak && !isFixed) return
  look.report(call, {
    message: isFixed
      ? 'The initialisation vector is always the same.'
      : `${isOld ? `${name}() derives its key without a salt` : `${algorithm} shows equal blocks as equal, or is broken`}.`,
    // What a protocol of others prescribes, nobody chooses.
    level: isFixed && isOwnScheme(look.module, call) ? 'error' : 'warning',
    consequence: 'Equal texts give equal ciphertexts, and changed ones are not noticed.',
    fix: "createCipheriv('aes-256-gcm', key, randomBytes(12)), the vector and the tag kept beside the text",
    confidence: 'high',
  })
}

/** The key comes from a passphrase, by a salt that stands here: nobody else prescribes that. */
function isOwnScheme(module: Module, call: CallNode): boolean {
  const key = call.arguments[1] && bare(call.arguments[1])
  const declaration = is(key, 'Identifier') ? module.binding(key)?.declaration : undefined
  const made = is(declaration, 'VariableDeclarator')
    ? declaration.init && bare(declaration.init)
    : key
  return (
    is(made, 'CallExpression') &&
    /^(?:scryptSync|pbkdf2Sync)$/.test(calledName(made) ?? '') &&
    textOf(made.arguments[1]) !== undefined
  )
}

const KNOWN_SECRETS =
  /^(?:sk_live_[0-9a-zA-Z]{16,}|rk_live_[0-9a-zA-Z]{16,}|AKIA[0-9A-Z]{16}|ghp_[0-9A-Za-z]{36}|github_pat_\w{40,}|xox[bpas]-[0-9A-Za-z-]{20,}|SG\.[\w-]{20,}\.[\w-]{20,}|glpat-[\w-]{20,}|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}|npm_[A-Za-z0-9]{36})$/
const SECRET_NAME =
  /(?:^|_|[a-z])(?:secret|password|passwd|apiKey|api_key|privateKey|private_key|accessKey|authToken|jwtSecret|clientSecret|encryptionKey)$/i
const NO_SECRET =
  /^[#.]|example|change.?me|placeholder|your|test|dummy|sample|default|localhost|xxx|\*\*\*|<|\$\{|redacted|fake|mock|none|undefined|^[a-z]+(?:[-_. ][a-z]+)*$|^[A-Z_]+$|^[A-Za-z]+$|^https?:|^\/|^\w+\.\w+(?:\.\w+)*$|\s/i

/** Made up on purpose: mocks, seeds, environments to develop in. */
const PLAYED = /(?:^|[/.-])(?:mocks?|dev|dev-?env|seeds?|fixtures?|samples?|demo)(?:[/.-]|$)/i

export const secretInCode: Detector = {
  id: 'secret-in-code',
  level: 'error',
  everywhere: true,
  consequence:
    'Everybody who ever reads the repository, its forks or a build has it; changing it means a deploy.',
  check(look) {
    if (PLAYED.test(look.module.path)) return
    for (const literal of look.module.all('Literal')) inspectLiteral(look, literal)
  },
}

function inspectLiteral(look: Look, literal: NodeOf<'Literal'>): void {
  const { value } = literal
  if (typeof value !== 'string' || value.length < 8 || value.length > 4_000) return
  const isKnown = KNOWN_SECRETS.test(value) && !/example|EXAMPLE|xxxx/i.test(value)
  const isKey = /^-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20,}/.test(
    value,
  )
  const name = assignedTo(literal)
  if (/holder$|example/i.test(name ?? '')) return
  const isNamed =
    name !== undefined && SECRET_NAME.test(name) && !NO_SECRET.test(value) && isMixed(value)
  if (!isKnown && !isKey && !isNamed) return
  look.report(literal, {
    message:
      isNamed && !isKnown
        ? `${name} is written into the code.`
        : 'A live key is written into the code.',
    fix: 'Revoke it first: it is in the history. Then read it from the environment or a secret manager, checked at start.',
    confidence: isKnown || isKey ? 'high' : 'medium',
    level: isKnown ? (isDrawn(value) ? 'error' : 'info') : isKey ? 'warning' : 'info',
  })
}

/** Nobody typed it: an example counts up, repeats itself, or says that it is one. */
function isDrawn(value: string): boolean {
  return (
    new Set(value).size >= 12 &&
    /[0-9]/.test(value) &&
    /[A-Z]/.test(value) &&
    !/1234|abcd|(.)\1\1\1|your|test|fake|dummy|here|placeholder|secret/i.test(value)
  )
}

function assignedTo(literal: Node): string | undefined {
  const { parent } = literal
  if (is(parent, 'LogicalExpression') && parent.operator === '&&') return undefined
  if (is(parent, 'VariableDeclarator')) return nameOf(parent.id)
  if (is(parent, 'Property') && parent.value === literal) return nameOf(parent.key)
  if (is(parent, 'PropertyDefinition')) return nameOf(parent.key)
  if (is(parent, 'AssignmentExpression')) return dotted(parent.left)?.split('.').at(-1)
  if (is(parent, 'LogicalExpression') && parent.right === literal)
    return dotted(parent.left)?.split('.').at(-1)
  return undefined
}

/** Letters of both cases or with digits, many different ones: no word. */
function isMixed(value: string): boolean {
  return (
    value.length >= 12 && /[0-9]/.test(value) && /[A-Za-z]/.test(value) && new Set(value).size >= 8
  )
}
