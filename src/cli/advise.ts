import type { Command } from './command.ts'

export const adviseCommand: Command = {
  name: 'advise',
  summary:
    'Decide (advise database), calculate (advise queue arrivalsPerSecond=80), look up what to do (advise runbook pool exhausted); without a topic, list them',
  example: 'holdfast advise queue arrivalsPerSecond=80',
  args: ['topic?', 'words...?'],
  options: {
    answers: { type: 'string', summary: 'A JSON file of answers; nothing is asked then' },
    'database-url': { type: 'string', summary: 'A database to read sizes and rates from' },
    record: { type: 'string', summary: 'A folder to write records of decisions to' },
    json: { type: 'boolean', summary: 'The same as JSON' },
    defaults: { type: 'boolean', summary: 'Ask nothing; assume what is not known' },
  },
  // The knowledge is large: only who asks for it loads it.
  run: async (call) => (await import('./run-advise.ts')).runAdvise(call),
}
