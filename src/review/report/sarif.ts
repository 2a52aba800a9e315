/** SARIF 2.1.0, as code hosts read it. */
import { findRule } from '../../rules/rules.ts'
import type { Review } from '../review.ts'
import { type Finding, type Level, moreOf } from './finding.ts'

const LEVEL: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', info: 'note' }

export function sarifOf(review: Review, findings: readonly Finding[]): object {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'holdfast review',
            rules: rules.map(descriptorOf),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => resultOf(finding, rules)),
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: review.passedOver.map(({ path, why }) => ({
              level: 'note',
              message: { text: `Passed over: ${why}` },
              locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(path) } } }],
            })),
          },
        ],
      },
    ],
  }
}

function descriptorOf(id: string): object {
  const entry = findRule(id)
  if (entry === undefined) return { id, shortDescription: { text: id } }
  const { title, rule, why, whenNot } = entry
  const help = `${why}\n\nNot when: ${whenNot}\n\n${moreOf(id)}`
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: rule },
    help: { text: help },
  }
}

function resultOf(finding: Finding, rules: readonly string[]): object {
  const { rule, level, message, consequence, fix, trail, confidence } = finding
  const steps = [...trail, { path: finding.path, line: finding.line, label: message }]
  return {
    ruleId: rule,
    ruleIndex: rules.indexOf(rule),
    level: LEVEL[level],
    message: { text: `${message} ${consequence} Fix: ${fix}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(finding.path) },
          region: regionOf(finding),
        },
      },
    ],
    partialFingerprints: { 'holdfast/v1': finding.fingerprint },
    properties: { confidence },
    ...(trail.length > 0 && {
      codeFlows: [
        {
          threadFlows: [
            {
              locations: steps.map((step) => ({
                location: {
                  physicalLocation: {
                    artifactLocation: { uri: uriOf(step.path) },
                    region: { startLine: step.line },
                  },
                  message: { text: step.label },
                },
              })),
            },
          ],
        },
      ],
    }),
  }
}

function regionOf({ line, column, endLine, endColumn }: Finding): object {
  return { startLine: line, startColumn: column, endLine, endColumn }
}

function uriOf(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
