import { type JsonSchema, jsonSchemaOf, type Schema } from '../base/schema.ts'

export interface ToolReply {
  readonly text: string
  /** The same for programs. */
  readonly data?: object
}

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Schema
  readonly inputSchema: JsonSchema
  /** `input` has been parsed. Throws HoldfastError for what the caller can mend. */
  run(input: unknown, signal: AbortSignal): Promise<ToolReply> | ToolReply
}

export interface ToolDefinition<Input> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Schema<unknown, Input>
  run(input: Input, signal: AbortSignal): Promise<ToolReply> | ToolReply
}

/** A tool that only reads: others have no place on this server. */
export function defineTool<Input>(definition: ToolDefinition<Input>): Tool {
  const { input, run } = definition
  return {
    ...definition,
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
