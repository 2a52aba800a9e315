/** What the rulebook knows, whatever the project. */
import { z } from 'zod'
import { advise, type KnownAnswers } from '../../advise/advice.ts'
import { checkAnswers } from '../../advise/answers-file.ts'
import { calculate, type GivenInputs, parseInputs } from '../../advise/calculator.ts'
import { calculators } from '../../advise/calculators/calculators.ts'
import { decisions } from '../../advise/decisions/decisions.ts'
import { handOffs } from '../../advise/hand-offs.ts'
import { calculatorPage, decisionPage, playbookPage } from '../../advise/page.ts'
import { playbooks } from '../../advise/playbooks/playbooks.ts'
import { projectFacts } from '../../advise/project-facts.ts'
import { adviceLines, calculationLines } from '../../advise/text.ts'
import { findPlaybook, findTopic } from '../../advise/topics.ts'
import { systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { defineTool, type Resource, type Tool } from '../../mcp/tool.ts'
import { findSymptom } from '../../rules/find-symptom.ts'
import { findRule, rules } from '../../rules/rules.ts'
import { createSearch } from '../../rules/search.ts'
import { readRuleCode } from '../rule-code.ts'
import { rulePage, symptomPage } from '../rules.ts'

const HITS_DEFAULT = 8
const HITS_MAX = 30
const QUERY_LENGTH_MAX = 400
const NAME_LENGTH_MAX = 100
const ANSWERS_MAX = 100

const name = z.string().min(1).max(NAME_LENGTH_MAX)

const searchRules = createSearch(rules)

export function knowledgeTools(folder: string): readonly Tool[] {
  return [
    searchTool,
    ruleTool,
    topicsTool,
    topicTool,
    adviseTool(folder),
    calculateTool,
    runbookTool,
  ]
}

const searchTool = defineTool({
  name: 'search_rules',
  title: 'Search the rulebook',
  description:
    'Find rules of backend engineering by what goes wrong or by what is to be built: "orders doubled", "idempotency", "pagination". Gives ids for read_rule.',
  input: z.strictObject({
    query: z.string().min(1).max(QUERY_LENGTH_MAX),
    limit: z.int().min(1).max(HITS_MAX).default(HITS_DEFAULT),
  }),
  run({ query, limit }) {
    const hits = searchRules(query, limit).map(
      ({ entry: { id, kind, severity, title, rule } }) => ({
        id,
        kind,
        severity,
        title,
        rule,
      }),
    )
    const lines = hits.map(({ id, severity, rule }) => `${id} (${severity}): ${rule}`)
    const symptom = findSymptom(query)
    const seen = symptom === undefined ? [] : [symptomPage(symptom), '']
    const text = [...seen, ...lines].join('\n') || 'No rule speaks of that.'
    return { text, data: { ...(symptom && { symptom }), hits } }
  },
})

const ruleTool = defineTool({
  name: 'read_rule',
  title: 'Read a rule',
  description:
    'One rule whole: why, when it does not apply, broken and fixed TypeScript, sources with the day they were checked.',
  input: z.strictObject({ id: name }),
  async run({ id }) {
    const rule = findRule(id)
    if (rule === undefined)
      throw new HoldfastError('HF_USAGE', `There is no rule "${id}": use search_rules.`)
    const code = await readRuleCode(id)
    return { text: rulePage(rule, code), data: { ...rule, code } }
  },
})

const topicsTool = defineTool({
  name: 'list_topics',
  title: 'List what can be advised on',
  description: 'Names of all decisions, calculators, playbooks, and where the advice ends.',
  input: z.strictObject({}),
  run() {
    const short = (one: { id: string; title: string; rule: string }) =>
      `- ${one.id}: ${one.title}. ${one.rule}`
    return {
      text: [
        'Decisions (tool advise; describe_topic tells their questions):',
        ...decisions.map(short),
        'Calculators (tool calculate):',
        ...calculators.map(short),
        'Playbooks (tool runbook):',
        ...playbooks.map(short),
        'Not here:',
        ...handOffs.map(({ topic, to }) => `- ${topic}: ask ${to}`),
      ].join('\n'),
    }
  },
})

const topicTool = defineTool({
  name: 'describe_topic',
  title: 'Describe a decision or calculator',
  description:
    'The questions of a decision with units, bounds and choices, its tree and sources; or the inputs and formulas of a calculator. Read it before advise or calculate.',
  input: z.strictObject({ name }),
  run: (input) => ({ text: topicPage(input.name) }),
})

function topicPage(topicName: string): string {
  const topic = findTopic(topicName)
  if (topic.kind === 'decision') return decisionPage(topic.decision)
  if (topic.kind === 'calculator') return calculatorPage(topic.calculator)
  const { topic: subject, to, bring } = topic.handOff
  return `${subject}: ask ${to}. Take along: ${bring}.`
}

function adviseTool(folder: string): Tool {
  return defineTool({
    name: 'advise',
    title: 'Advise on a decision',
    description:
      'The pick for a decision from answers, with why, alternatives, the numbers at which it flips, what to measure and sources. Ask the user for the answers that matter (describe_topic lists them); what is left out is read from package.json and migrations or assumed, and said.',
    input: z.strictObject({
      decision: name,
      answers: z
        .record(name, z.union([z.string().max(NAME_LENGTH_MAX), z.number(), z.boolean()]))
        .refine((answers) => Object.keys(answers).length <= ANSWERS_MAX, 'too many answers')
        .default({}),
    }),
    async run({ decision, answers }) {
      const topic = findTopic(decision)
      if (topic.kind !== 'decision')
        throw new HoldfastError('HF_USAGE', `"${decision}" is a ${topic.kind}, no decision.`)
      const given = checkAnswers(answers, 'answers')
      const { facts } = await projectFacts(folder)
      const all: KnownAnswers = new Map([...facts, ...given])
      const advice = advise(topic.decision, all, systemClock.now())
      return { text: adviceLines(advice).join('\n'), data: advice }
    },
  })
}

const calculateTool = defineTool({
  name: 'calculate',
  title: 'Calculate',
  description:
    'Cost, total cost, scaling, availability, SLO burn rates, pool size, retry amplification, queue wait, cache hit rate, latency. Inputs by name, as a number or as a range "low..high"; what is left out is assumed and said.',
  input: z.strictObject({
    calculator: name,
    inputs: z.record(name, z.union([z.number(), z.string().max(NAME_LENGTH_MAX)])).default({}),
  }),
  run({ calculator, inputs }) {
    const topic = findTopic(calculator)
    if (topic.kind !== 'calculator')
      throw new HoldfastError('HF_USAGE', `"${calculator}" is a ${topic.kind}, no calculator.`)
    const calculation = calculate(topic.calculator, givenOf(inputs))
    return { text: calculationLines(calculation).join('\n'), data: calculation }
  },
})

function givenOf(inputs: Readonly<Record<string, number | string>>): GivenInputs {
  return parseInputs(Object.entries(inputs).map(([input, value]) => `${input}=${value}`))
}

const runbookTool = defineTool({
  name: 'runbook',
  title: 'Look up a playbook',
  description:
    'What to do, step by step, with commands to paste: by name or by symptom ("database slow", "queue growing", "secret in git"). Commands marked as changing something are for a person to decide on.',
  input: z.strictObject({ symptom: z.string().min(1).max(QUERY_LENGTH_MAX) }),
  run({ symptom }) {
    const playbook = findPlaybook(symptom)
    return { text: playbookPage(playbook), data: playbook }
  },
})

/** The pages of the rulebook, by an address that stays. */
export function knowledgeResources(): readonly Resource[] {
  const resource = (
    kind: string,
    { id, title, rule }: { id: string; title: string; rule: string },
    read: Resource['read'],
  ): Resource => ({
    uri: `holdfast://${kind}/${id}`,
    name: `${kind}/${id}`,
    title,
    description: rule,
    read,
  })
  return [
    ...decisions.map((one) => resource('decisions', one, () => decisionPage(one))),
    ...calculators.map((one) => resource('calculators', one, () => calculatorPage(one))),
    ...playbooks.map((one) => resource('playbooks', one, () => playbookPage(one))),
    ...rules.map((one) =>
      resource('rules', one, async () => rulePage(one, await readRuleCode(one.id))),
    ),
  ]
}
