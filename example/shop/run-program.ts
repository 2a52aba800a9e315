import { HoldfastError } from '../../src/base/fault.ts'

/** A program that cannot start says why and what to do next, without a stack. 2: its settings. */
export async function runProgram(program: () => Promise<void>): Promise<void> {
  try {
    await program()
  } catch (error) {
    const expected = error instanceof HoldfastError && error.code !== 'HF_BUG'
    process.stderr.write(`\n${expected ? error.message : describe(error)}\n`)
    process.exit(expected && error.code === 'HF_CONFIG_INVALID' ? 2 : 1)
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, address, port } = error as { code?: string; address?: string; port?: number }
  if (code !== 'EADDRINUSE') return error.stack ?? error.message
  return `Another program listens on ${address}:${port}. Stop it, or set PORT and ADMIN_PORT.`
}
