/** Asks a person for just those answers that the tree comes by. */
import type { KnownAnswer, KnownAnswers } from './advice.ts'
import { parseAnswer } from './answers-file.ts'
import type { Decision } from './decision.ts'
import { evaluate } from './evaluate.ts'
import { thousands, withUnit } from './phrase.ts'
import { type QuestionId, questions } from './questions.ts'

/** Shows a prompt and resolves to what was typed, undefined where nobody is there any more. */
export type Ask = (prompt: string) => Promise<string | undefined>

const TRIES_MAX = 3

/** What was answered or read before is not asked again; Enter takes what stands in brackets. */
export async function interview(
  decision: Decision,
  known: KnownAnswers,
  read: KnownAnswers,
  ask: Ask,
): Promise<KnownAnswers> {
  const answers = new Map(known)
  for (;;) {
    const values = new Map([...answers].map(([id, { value }]) => [id, value]))
    const outcome = evaluate(decision, values)
    if (!('need' in outcome)) return answers
    const id = outcome.need
    const offered = read.get(id) ?? { value: questions[id].assume, origin: 'assumed' }
    answers.set(id, await askOne(id, offered, ask))
  }
}

async function askOne(id: QuestionId, offered: KnownAnswer, ask: Ask): Promise<KnownAnswer> {
  let complaint = ''
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const typed = await ask(`${complaint}${promptFor(id, offered)}`)
    if (typed === undefined || typed.trim() === '') return offered
    const value = parseAnswer(id, typed)
    if (value !== undefined) return { value, origin: 'answered' }
    complaint = `"${typed.trim()}" is no answer to this.\n`
  }
  return offered
}

function promptFor(id: QuestionId, { value, origin, from }: KnownAnswer): string {
  const source = origin === 'read' ? `, read: ${from}` : ''
  const gap = questions[id].kind === 'choice' ? '\n' : ' '
  return `${questionText(id)}${gap}[${withUnit(id, value)}${source}] `
}

function questionText(id: QuestionId): string {
  const question = questions[id]
  if (question.kind === 'yes-no') return `${question.ask} (yes or no)`
  if (question.kind === 'number') {
    const { ask, min, max } = question
    return `${ask} (from ${thousands(min)} to ${thousands(max)})`
  }
  const choices = Object.entries(question.choices).map(
    ([name, means], index) => `\n  ${index + 1} ${name}: ${means}`,
  )
  return `${question.ask}:${choices.join('')}`
}
