import type { Command } from './command.ts'

export const mcpCommand: Command = {
  name: 'mcp',
  summary:
    'Serve the rulebook, advice and this project to a coding agent (Model Context Protocol on standard input and output); reads only',
  options: {
    prove: { type: 'boolean', summary: 'Also offer to run proofs, which run code of the project' },
  },
  example: 'holdfast mcp',
  run: async (call) => (await import('./run-mcp.ts')).runMcp(call),
}
