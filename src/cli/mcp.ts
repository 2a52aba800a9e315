import type { Command } from './command.ts'

export const mcpCommand: Command = {
  name: 'mcp',
  summary:
    'Serve the rulebook, advice and this project to a coding agent (Model Context Protocol on standard input and output); reads only',
  run: async (call) => (await import('./run-mcp.ts')).runMcp(call),
}
