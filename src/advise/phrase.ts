/** Conditions, answers and flips in words, the same in the terminal, in a record and over MCP. */
import type { Answer, Sameness, Threshold } from './decision.ts'
import type { Flip } from './evaluate.ts'
import { type QuestionId, questions } from './questions.ts'

export function phrase(condition: Threshold | Sameness): string {
  const { question } = condition
  if (condition.op === 'is') return `${question} = ${condition.values.map(word).join(' or ')}`
  return `${question} ${condition.op} ${withUnit(question, condition.value)}`
}

export function flipText({ question, when, value, confidence }: Flip): string {
  const compared = when === 'is' ? `= ${word(value)}` : `${when} ${withUnit(question, value)}`
  return `${question} ${compared}${confidence === undefined ? '' : ` (${confidence})`}`
}

export function withUnit(id: QuestionId, answer: Answer): string {
  const question = questions[id]
  if (question.kind !== 'number') return word(answer)
  return `${thousands(Number(answer))} ${question.unit}`
}

function word(answer: Answer): string {
  if (typeof answer === 'boolean') return answer ? 'yes' : 'no'
  return typeof answer === 'number' ? thousands(answer) : answer
}

/** 20000 as 20,000; at most three digits behind the point. */
export function thousands(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 })
}
