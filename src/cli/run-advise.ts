import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { type Advice, advise, type KnownAnswers } from '../advise/advice.ts'
import { readAnswers } from '../advise/answers-file.ts'
import { type Calculator, calculate, parseInputs } from '../advise/calculator.ts'
import { calculators } from '../advise/calculators/calculators.ts'
import { databaseFacts, type Facts } from '../advise/database-facts.ts'
import type { Decision } from '../advise/decision.ts'
import { decisions } from '../advise/decisions/decisions.ts'
import { type HandOff, handOffs } from '../advise/hand-offs.ts'
import { interview } from '../advise/interview.ts'
import { flipText } from '../advise/phrase.ts'
import { playbooks } from '../advise/playbooks/playbooks.ts'
import { type ProjectFacts, projectFacts } from '../advise/project-facts.ts'
import { questions } from '../advise/questions.ts'
import { writeRecord } from '../advise/record.ts'
import { citeSource } from '../advise/source.ts'
import { adviceLines, calculationLines, playbookLines, sourceLines } from '../advise/text.ts'
import { findPlaybook, findTopic } from '../advise/topics.ts'
import { systemClock } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { findRule } from '../rules/rules.ts'
import type { CommandCall, Terminal } from './command.ts'
import { checkDatabaseUrl } from './database-url.ts'
import { unwritable } from './unwritable.ts'

export async function runAdvise(call: CommandCall): Promise<number> {
  const [name, ...words] = call.args
  if (name === undefined) return unrecorded(call, 'The list of topics', listed(), topicLines())
  if (name === 'runbook') return runbook(call, words.join(' '))
  if (name === 'all') return adviseAll(call, words)
  const topic = findTopic(name)
  if (topic.kind === 'calculator') return runCalculator(call, topic.calculator, words)
  refuseWords(name, words)
  if (topic.kind === 'hand-off')
    return unrecorded(call, `"${name}"`, topic.handOff, handOffLines(topic.handOff))
  return adviseOne(call, topic.decision)
}

function show({ terminal, flag }: CommandCall, value: unknown, lines: readonly string[]): 0 {
  if (flag('json')) terminal.out(JSON.stringify(value, null, 2))
  else for (const line of lines) terminal.out(line)
  return 0
}

/** Whoever asks for a record of what is no decision is not left to believe that there is one. */
function unrecorded(call: CommandCall, what: string, value: unknown, lines: readonly string[]): 0 {
  if (call.text('record') === undefined) return show(call, value, lines)
  throw new HoldfastError(
    'HF_USAGE',
    `holdfast advise --record: ${what} is no decision, and only decisions are recorded. Leave --record out, or name a decision.`,
  )
}

function refuseWords(name: string, [word]: readonly string[]): void {
  if (word === undefined) return
  throw new HoldfastError('HF_USAGE', `holdfast advise ${name}: "${word}" is too much.`)
}

function listed() {
  const short = ({ id, title, rule }: Decision | Calculator) => ({ id, title, rule })
  return {
    decisions: decisions.map(short),
    calculators: calculators.map((one) => ({ ...short(one), inputs: one.inputs })),
    playbooks: playbooks.map(({ id, title, says }) => ({ id, title, says })),
    handOffs,
    questions,
  }
}

function topicLines(): readonly string[] {
  const row = (id: string, text: string) => `  ${id.padEnd(22)} ${text}`
  return [
    'Decisions: holdfast advise <name>',
    ...decisions.map(({ id, question }) => row(id, question)),
    '',
    'Calculators: holdfast advise <name> [input=number or low..high]',
    ...calculators.map(({ id, question }) => row(id, question)),
    '',
    'Playbooks: holdfast advise runbook <name or symptom>',
    ...playbooks.map(({ id, title }) => row(id, title)),
    '',
    'Not here, but there: holdfast advise <name>',
    ...handOffs.map(({ id, topic, to }) => row(id, `${topic}: ask ${to}`)),
  ]
}

function handOffLines({ topic, to, bring }: HandOff): readonly string[] {
  return [`${topic}: this is where this advice ends.`, `Ask: ${to}.`, `Take along: ${bring}.`]
}

function runCalculator(call: CommandCall, calculator: Calculator, words: readonly string[]): 0 {
  const calculation = calculate(calculator, parseInputs(words))
  const nowMs = systemClock.now()
  const sources = calculator.sources.map((source) => citeSource(source, nowMs))
  const lines = [...calculationLines(calculation), ...sourceLines(sources)]
  return unrecorded(call, `"${calculator.id}"`, { ...calculation, sources }, lines)
}

function runbook(call: CommandCall, words: string): 0 {
  if (words === '') {
    const rows = playbooks.map(({ id, title, says }) => `${id.padEnd(22)} ${title} (${says[0]})`)
    return unrecorded(call, 'The list of playbooks', playbooks, rows)
  }
  const playbook = findPlaybook(words)
  const nowMs = systemClock.now()
  const sources = playbook.sources.map((source) => citeSource(source, nowMs))
  const lines = playbookLines(playbook, sources)
  return unrecorded(call, `"${playbook.id}"`, { ...playbook, sources }, lines)
}

interface Given {
  readonly answered: KnownAnswers
  readonly read: KnownAnswers
  readonly project: ProjectFacts
  readonly all: KnownAnswers
}

/** What somebody answered goes before what was read. */
async function given(call: CommandCall): Promise<Given> {
  const { terminal } = call
  const answered = await answersOf(call)
  const project = await projectFacts(terminal.cwd)
  const database = await factsFrom(terminal, call.text('database-url'))
  for (const complaint of project.complaints) terminal.err(complaint)
  const read = new Map([...project.facts, ...database])
  for (const [id, { value, from }] of read) {
    const said = answered.get(id)
    if (said !== undefined && said.value !== value)
      terminal.err(
        `${id}: you answered ${said.value}, read was ${value} (${from}); yours is taken.`,
      )
  }
  return { answered, read, project, all: new Map([...read, ...answered]) }
}

/** Advice without the database is still advice: what it does not tell is assumed, and said. */
async function factsFrom({ err }: Terminal, url: string | undefined): Promise<Facts> {
  if (url === undefined) return new Map()
  checkDatabaseUrl('--database-url', url)
  try {
    return await databaseFacts(url)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    err(`${error.message} What it would have told is assumed.`)
    return new Map()
  }
}

async function answersOf({ terminal, text }: CommandCall): Promise<KnownAnswers> {
  const path = text('answers')
  if (path === undefined) return new Map()
  try {
    return readAnswers(await readFile(resolve(terminal.cwd, path), 'utf8'), path)
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    throw new HoldfastError('HF_ANSWERS_INVALID', `${path} cannot be read.`, { cause: error })
  }
}

async function adviseOne(call: CommandCall, decision: Decision): Promise<number> {
  const { terminal } = call
  const known = await given(call)
  const asked = call.text('answers') !== undefined || call.flag('defaults') || call.flag('json')
  const answers =
    asked || terminal.ask === undefined
      ? known.all
      : await interview(decision, known.answered, known.read, terminal.ask)
  const advice = advise(decision, answers, systemClock.now())
  const present = known.project.present.filter((found) => found.decision === decision.id)
  const rules = decision.related.filter((id) => findRule(id) !== undefined)
  const today = present.map(
    ({ option, because }) => `Today: ${decision.options[option]?.name ?? option} (${because})`,
  )
  const more =
    rules.length > 0 ? [`Rules behind it (holdfast rules <id>): ${rules.join(', ')}`] : []
  show(call, { ...advice, present, rules }, [...adviceLines(advice), ...today, ...more])
  await record(call, [advice])
  return 0
}

async function adviseAll(call: CommandCall, words: readonly string[]): Promise<number> {
  refuseWords('all', words)
  const { all } = await given(call)
  const nowMs = systemClock.now()
  const advice = decisions.map((decision) => advise(decision, all, nowMs))
  const lines = advice.flatMap(({ decision, pick, flips }) => [
    `${decision.padEnd(16)} ${pick.name}`,
    ...flips.slice(0, 2).map((flip) => `${' '.repeat(17)}-> ${flip.to}: ${flipText(flip)}`),
  ])
  const [first] = advice
  const contradictions = (first?.contradictions ?? []).map((found) => `! ${found}`)
  show(call, advice, [...lines, ...contradictions])
  await record(call, advice)
  return 0
}

async function record(call: CommandCall, all: readonly Advice[]): Promise<void> {
  const folder = call.text('record')
  if (folder === undefined) return
  const wanted = resolve(call.terminal.cwd, folder)
  for (const advice of all) {
    const path = await writeRecord(wanted, advice, systemClock.now()).catch((error) => {
      throw unwritable(folder, error)
    })
    call.terminal.err(`Written: ${shown(call.terminal, path)}`)
  }
}

function shown({ cwd }: Terminal, path: string): string {
  return relative(cwd, path)
}
