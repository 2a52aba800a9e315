/** Answers that cannot all be true, or that nobody means. */
import { type Answer, above, all, below, type Condition, is, no, yes } from './decision.ts'
import { holds } from './evaluate.ts'
import { type QuestionId, questions } from './questions.ts'

interface Contradiction {
  readonly between: readonly QuestionId[]
  readonly when: Condition
  readonly because: string
}

const CONTRADICTIONS: readonly Contradiction[] = [
  {
    between: ['clientsPerTypescript', 'callers'],
    when: all(yes('clientsPerTypescript'), is('callers', 'partners', 'machines')),
    because: 'partners and customers do not build in your repository',
  },
  {
    between: ['clientsUpgrade', 'callers'],
    when: all(is('clientsUpgrade', 'with-server'), is('callers', 'partners', 'machines')),
    because: 'clients of others cannot be upgraded together with the server',
  },
  {
    between: ['teams', 'engineers'],
    when: all(above('teams', 1), below('engineers', 2)),
    because: 'several teams cannot be one person',
  },
  {
    between: ['tenantIsolation', 'tenants'],
    when: all(is('tenantIsolation', 'physical', 'restore'), below('tenants', 1)),
    because: 'nothing has to be kept apart where there are no tenants',
  },
  {
    between: ['operators', 'onCall'],
    when: all(is('operators', 'nobody'), yes('onCall')),
    because: 'whoever is on call runs the machines',
  },
  {
    between: ['verifiedElsewhere', 'revokeSeconds'],
    when: all(yes('verifiedElsewhere'), below('revokeSeconds', 1)),
    because: 'what others verify without asking you cannot be revoked at once',
  },
  {
    between: ['writesPerSecond', 'requestsPerSecond'],
    when: all(above('writesPerSecond', 0), below('requestsPerSecond', 1e-9)),
    because: 'rows are written though nothing is asked',
  },
  {
    between: ['largestTenantPercent', 'tenants'],
    when: all(below('largestTenantPercent', 100), is('tenants', 1)),
    because: 'a single tenant has all of the load',
  },
  {
    between: ['moneyOrStock', 'staleSeconds'],
    when: all(yes('moneyOrStock'), yes('crossRowRules'), above('staleSeconds', 86_400)),
    because: 'a rule over money or stock cannot be decided on values that are a day old',
  },
  {
    between: ['repeatReadsPercent', 'cacheablePercent'],
    when: all(below('repeatReadsPercent', 1e-9), above('cacheablePercent', 0)),
    because: 'what is the same for everybody is read again',
  },
  {
    between: ['consumers', 'replayDays'],
    when: all(below('consumers', 1), above('replayDays', 0)),
    because: 'without consumers nobody reads again',
  },
  {
    between: ['idlePercent', 'peakToMean'],
    when: all(above('idlePercent', 50), below('peakToMean', 2)),
    because: 'idle for more than half of the day, the peak is at least twice the mean',
  },
  {
    between: ['searchNeeds', 'searchDocumentsMillion'],
    when: all(is('searchNeeds', 'relevance'), below('searchDocumentsMillion', 1e-9)),
    because: 'there is nothing to search',
  },
  {
    between: ['browserLogin', 'enterpriseLogin'],
    when: all(no('browserLogin'), yes('enterpriseLogin')),
    because: 'an identity provider of the customer logs people in with a browser',
  },
]

/** One sentence for each contradiction among answers that somebody gave or that were read. */
export function contradictions(given: ReadonlyMap<QuestionId, Answer>): readonly string[] {
  return CONTRADICTIONS.filter(({ when }) => holds(when, given) === true).map(
    ({ between, because }) => {
      const said = between.map((id) => `${id} = ${given.get(id)} (${questions[id].ask})`)
      return `${said.join(' and ')}: ${because}.`
    },
  )
}
