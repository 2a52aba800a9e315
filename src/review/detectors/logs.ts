/** What logs and metrics keep. */

import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  dotted,
  is,
  memberName,
  type Node,
  nameOf,
  propertyOf,
} from '../syntax/node.ts'
import { isForDevelopment, objectOf } from './common.ts'
import type { Detector, Look } from './detector.ts'

const LOG_CALL =
  /^(?:console|log|logger|this\.log(?:ger)?|req\.log|request\.log|fastify\.log|app\.log|Logger|winston|pino)\.(?:log|info|debug|warn|error|trace|verbose|fatal)$/
const SENSITIVE =
  /^(?:password|passwd|pwd|secret|accessToken|refreshToken|access_token|refresh_token|apiKey|api_key|authorization|ssn|cardNumber|card_number|cvv|iban|privateKey|clientSecret|otp|pin)$/i

export const personalDataInLogs: Detector = {
  id: 'personal-data-in-logs',
  level: 'warning',
  consequence:
    'Logs are kept long, copied far and read by many: each line with a password or a whole body is a leak that nobody can take back.',
  check(look) {
    for (const call of look.module.all('CallExpression')) {
      const name = dotted(call.callee)
      if (name === undefined || !LOG_CALL.test(name)) continue
      const found = call.arguments
        .map((each) => sensitiveIn(look.module, each))
        .find((each) => each !== undefined)
      if (found === undefined || isForDevelopment(look.module, call)) continue
      look.report(call, {
        message: `${found} goes into the log.`,
        fix: "Log what it was about, not what was in it: { userId, requestId }; redact by name in the logger (pino: redact: ['*.password'])",
        confidence: 'high',
        // What is in a body is not seen.
        level: /body|headers/.test(found) ? 'info' : 'warning',
      })
    }
  },
}

function sensitiveIn(module: Module, node: Node, depth = 0): string | undefined {
  const at = bare(node)
  if (depth > 3) return undefined
  if (is(at, 'TemplateLiteral'))
    return at.expressions.map((each) => sensitiveIn(module, each, depth + 1)).find(Boolean)
  if (is(at, 'ObjectExpression'))
    return at.properties
      .map((each) =>
        is(each, 'Property') ? sensitiveIn(module, each.value, depth + 1) : undefined,
      )
      .find(Boolean)
  if (is(at, 'CallExpression') && dotted(at.callee) === 'JSON.stringify')
    return at.arguments[0] && sensitiveIn(module, at.arguments[0], depth + 1)
  const text = dotted(at)
  if (text === undefined) return undefined
  if (/^(?:req|request|ctx\.request|ctx\.req)\.(?:body|headers)$/.test(text)) return text
  const last = is(at, 'MemberExpression') ? memberName(at) : nameOf(at)
  return last !== undefined && SENSITIVE.test(last) && !/[A-Z_]{6,}/.test(last) && isValue(at)
    ? text
    : undefined
}

/** A message with this name is a text, not the thing. */
function isValue(node: Node): boolean {
  return is(node, 'MemberExpression') || is(node, 'Identifier')
}

export const highCardinalityLabels: Detector = {
  id: 'high-cardinality-labels',
  level: 'warning',
  consequence:
    'Each value is a time series of its own: the metrics server runs out of memory before anybody is paged.',
  check(look) {
    for (const call of look.module.all('CallExpression')) inspectMetric(look, call)
  },
}

const UNBOUNDED =
  /^(?:user_?id|customer_?id|order_?id|request_?id|session_?id|email|ip|url|original_?url|trace_?id|account_?id|message|query|token)$/i

function inspectMetric(look: Look, call: CallNode): void {
  if (!/^(?:inc|observe|labels|startTimer|set|add|record)$/.test(calledName(call) ?? '')) return
  const callee = bare(call.callee)
  const object = is(callee, 'MemberExpression') ? (dotted(callee.object) ?? '') : ''
  if (
    !/counter|histogram|gauge|summary|metric|requests?Total|duration|latency/i.test(object) ||
    !/prom-client|@opentelemetry|metric/i.test(look.module.text)
  )
    return
  const labels = call.arguments
    .map((each) => objectOf(look.module, each))
    .find((each) => each !== undefined)
  const found = labels?.properties
    .map((each) => (is(each, 'Property') ? nameOf(each.key) : undefined))
    .find((name) => name !== undefined && UNBOUNDED.test(name))
  const path = propertyOf(labels, 'path') ?? propertyOf(labels, 'route')
  const isRaw =
    path !== undefined && /^(?:req|request|ctx)\.(?:url|originalUrl|path)$/.test(dotted(path) ?? '')
  if (found === undefined && !isRaw) return
  look.report(call, {
    message: `The label ${found ?? 'path'} has as many values as there are callers.`,
    fix: 'The pattern of the route in place of its text (req.route.path); what is unbounded goes into the log or the trace.',
    confidence: 'high',
  })
}
