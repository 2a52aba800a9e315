/** Answers from a file: { "writesPerSecond": 200, "dataShape": "records" }. */
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { KnownAnswer, KnownAnswers } from './advice.ts'
import { contradictions } from './contradictions.ts'
import type { Answer } from './decision.ts'
import { isQuestionId, type QuestionId, questions } from './questions.ts'

/** Everything that is wrong is named at once. */
export function readAnswers(text: string, where: string): KnownAnswers {
  return checkAnswers(parsed(text, where), where)
}

export function checkAnswers(
  given: Readonly<Record<string, unknown>>,
  where: string,
): KnownAnswers {
  const complaints: string[] = []
  const answers = new Map<QuestionId, KnownAnswer>()
  for (const [name, value] of Object.entries(given)) {
    const complaint = isQuestionId(name) ? complaintOf(name, value) : unknownName(name)
    if (complaint !== undefined) complaints.push(complaint)
    else answers.set(name as QuestionId, { value: value as Answer, origin: 'answered' })
  }
  const values = new Map([...answers].map(([id, { value }]) => [id, value]))
  complaints.push(...contradictions(values).map((found) => `contradiction: ${found}`))
  if (complaints.length === 0) return answers
  throw new HoldfastError('HF_ANSWERS_INVALID', `${where}:\n  ${complaints.join('\n  ')}\n`)
}

function parsed(text: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {}
  throw new HoldfastError(
    'HF_ANSWERS_INVALID',
    `${where} must be a JSON object such as { "writesPerSecond": 200 }.`,
  )
}

function unknownName(name: string): string {
  return `"${name}" is no question${didYouMean(name, Object.keys(questions)) || '.'}`
}

/** What is wrong with an answer; nothing where it can be used. */
export function complaintOf(id: QuestionId, value: unknown): string | undefined {
  const question = questions[id]
  switch (question.kind) {
    case 'yes-no':
      return typeof value === 'boolean' ? undefined : `${id} must be true or false.`
    case 'choice': {
      if (typeof value === 'string' && Object.hasOwn(question.choices, value)) return undefined
      const known = Object.keys(question.choices)
      return `${id} must be one of ${known.join(', ')}${didYouMean(String(value), known) || '.'}`
    }
    default: {
      const { min, max, unit } = question
      if (typeof value === 'number' && value >= min && value <= max) return undefined
      return `${id} must be a number from ${min} to ${max} (${unit}).`
    }
  }
}

/** What somebody typed, as an answer; undefined where it is none. */
export function parseAnswer(id: QuestionId, typed: string): Answer | undefined {
  const text = typed.trim()
  const question = questions[id]
  if (question.kind === 'yes-no') {
    if (/^(?:y|yes|true)$/i.test(text)) return true
    return /^(?:n|no|false)$/i.test(text) ? false : undefined
  }
  if (question.kind === 'choice') {
    const names = Object.keys(question.choices)
    return names[Number(text) - 1] ?? names.find((name) => name === text.toLowerCase())
  }
  const amount = /^[\d.,]+\s*[kM]?$/.test(text) ? amountOf(text) : Number.NaN
  return complaintOf(id, amount) === undefined ? amount : undefined
}

function amountOf(text: string): number {
  const factor = text.endsWith('k') ? 1e3 : text.endsWith('M') ? 1e6 : 1
  return Number(text.replace(/[kM]$/, '').replaceAll(',', '')) * factor
}
