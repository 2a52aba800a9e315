/**
 * docs/errors.md and docs/problems.md, from the catalogues themselves:
 *
 *   node tools/launch.mjs tools/errors-page.ts
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FaultEntry, faultCatalogue } from '../src/base/fault.ts'
import { sqlstate } from '../src/database/sqlstate.ts'
import { problemType } from '../src/operation/problem.ts'
import { type ProblemEntry, problemCatalogue } from '../src/operation/problem-catalogue.ts'
import { rules } from '../src/rules/rules.ts'

/** By path, from the root of the repository. */
export const pages: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/problems.md': problemsPage,
}

function errorsPage(): string {
  const entries = Object.entries<FaultEntry>(faultCatalogue).sort(byName)
  return [
    '# Errors',
    '',
    'What a code in a log line or in a terminal means, and what to do next. A code never changes its',
    'meaning, so programs may branch on it: `isFault(error, "HF_POOL_EXHAUSTED")`. Callers of the API',
    'see none of these; they see [problems](problems.md).',
    '',
    'This page is made from [the catalogue](../src/base/fault.ts); a test keeps it so.',
    ...entries.flatMap(([code, { title, next }]) => [
      '',
      `## ${code}`,
      '',
      text(title),
      '',
      text(next),
      ...rulesOf(code),
    ]),
    '',
    '## In the log of the database',
    '',
    'Five SQLSTATEs are ours. They are raised by the server inside a batch, so that the batch rolls back.',
    '',
    '| SQLSTATE | raised when | what follows |',
    '| --- | --- | --- |',
    ...Object.entries(raised).map(
      ([name, [when, follows]]) => `| ${sqlstate[name as Raised]} | ${when} | ${follows} |`,
    ),
    '',
  ].join('\n')
}

/** The rules of the book that this code keeps. */
function rulesOf(code: string): readonly string[] {
  const target = `docs/errors.md#${code.toLowerCase()}`
  const found = rules.filter(({ holdfast }) => holdfast?.see.includes(target))
  if (found.length === 0) return []
  return ['', `Rules: ${found.map(({ id }) => `[${id}](rules/${id}.md)`).join(', ')}`]
}

export type Raised = Extract<keyof typeof sqlstate, keyof typeof raised>

/** What the server's own log shows of ours. */
export const raised = {
  noTenantContext: [
    'a tenant table is used in a transaction without a tenant',
    "Use it inside an operation; in psql: `BEGIN; SELECT set_config('holdfast.tenant', 'acme', true)`",
  ],
  credentialRevoked: [
    'the API key of the caller is revoked, expired or unknown',
    'The caller gets 401',
  ],
  leaseLost: [
    'a worker completes a job that another one has by now',
    '[HF_LEASE_LOST](#hf_lease_lost)',
  ],
  positionMoved: [
    'a relay handles an event that another one has handled by now',
    'Nothing to do: its effects rolled back',
  ],
  rowCountMissed: [
    'a deferred write touched another number of rows than it expected',
    'The caller gets the declared problem, or 412',
  ],
} as const satisfies Partial<Record<keyof typeof sqlstate, readonly [string, string]>>

/** A `<` would begin an HTML tag, a `|` a column. */
function text(plain: string): string {
  return plain.replaceAll('<', '&lt;').replaceAll('|', '\\|')
}

function problemsPage(): string {
  const entries = Object.entries<ProblemEntry>(problemCatalogue)
  return [
    '# Problems',
    '',
    'What a caller of the API is told when something is wrong: `application/problem+json`',
    '([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), always. `code` never changes its meaning:',
    'branch on it, not on `title` or `detail`. `instance` is the request id; it stands in the log too.',
    '',
    '```json',
    JSON.stringify(sample(), null, 2),
    '```',
    '',
    'Below stand the problems of Holdfast itself. An operation declares more of its own; the',
    'description at `/openapi.json` lists them all, and `holdfast explain <operation>` says which of',
    'them are kept under the idempotency key.',
    '',
    'This page is made from [the catalogue](../src/operation/problem-catalogue.ts); a test keeps it so.',
    '',
    '| status | code | meaning | what the caller can do |',
    '| --- | --- | --- | --- |',
    ...entries.map(
      ([code, { status, title, next }]) =>
        `| ${status} | \`${code}\` | ${text(title)} | ${text(next)} |`,
    ),
    '',
  ].join('\n')
}

function sample(): object {
  const code = 'precondition-failed'
  const { title, status, next } = problemCatalogue[code]
  const instance = '019a5f3e-7c1d-7000-8a5b-3f2e1d0c9b8a'
  return { type: problemType(code), title, status, detail: next, instance, code }
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1
}

if (import.meta.main) {
  for (const [path, page] of Object.entries(pages)) {
    writeFileSync(join(import.meta.dirname, '..', path), page())
    console.log(`${path} is written.`)
  }
}
