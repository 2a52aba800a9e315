/** What the command line works with. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Standard output: what was asked for. A line feed is added. */
  out(line: string): void
  /** Standard error: progress and complaints. */
  err(line: string): void
  /**
   * Shows a prompt and resolves to the line that is typed, undefined at the end of input. Absent where
   * nobody is there to answer.
   */
  ask?(prompt: string): Promise<string | undefined>
}

export interface CommandOption {
  readonly type: 'boolean' | 'string'
  readonly summary: string
}

export interface CommandCall {
  readonly terminal: Terminal
  readonly args: readonly string[]
  flag(name: string): boolean
  text(name: string): string | undefined
}

export interface Command {
  /** One or two words: 'types', 'migrate up'. */
  readonly name: string
  readonly summary: string
  /** A line that does something useful as it stands, or with names of one's own. */
  readonly example: string
  /** What its exit codes mean beyond `exitCodes`. */
  readonly exits?: Readonly<Record<number, string>>
  /**
   * Names of its arguments. The last one takes all further words where it ends in '...', and may be
   * left out where it ends in '?'; 'words...?' is both.
   */
  readonly args?: readonly string[]
  readonly options?: Readonly<Record<string, CommandOption>>
  /** Resolves to the exit code. Throws HoldfastError for what went wrong. */
  run(call: CommandCall): Promise<number>
}
