import { type JsonSchema, jsonSchemaOf, type Schema } from '../base/schema.ts'

export interface ToolReply {
  readonly text: string
  /** The same for programs. */
  readonly data?: object
}

/** What the caller can mend, in words for the model. */
export class ToolFailure extends Error {}

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Runs code of the project; all others only read. */
  readonly runsCode: boolean
  readonly input: Schema
  readonly inputSchema: JsonSchema
  /** `input` has been parsed. Throws HoldfastError or ToolFailure for what the caller can mend. */
  run(input: unknown, signal: AbortSignal): Promise<ToolReply> | ToolReply
}

export interface ToolDefinition<Input> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Schema<unknown, Input>
  readonly runsCode?: true
  run(input: Input, signal: AbortSignal): Promise<ToolReply> | ToolReply
}

export function defineTool<Input>(definition: ToolDefinition<Input>): Tool {
  const { input, run } = definition
  return {
    ...definition,
    runsCode: definition.runsCode === true,
    inputSchema: jsonSchemaOf(input, 'input') ?? { type: 'object' },
    run: (parsed, signal) => run(parsed as Input, signal),
  }
}

export interface Resource {
  readonly uri: string
  readonly name: string
  readonly title: string
  readonly description: string
  read(): Promise<string> | string
}
