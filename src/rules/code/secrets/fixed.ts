import { inspect } from 'node:util'

/** Prints as [secret] wherever somebody logs, serialises or interpolates it. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toJSON(): string {
    return '[secret]'
  }
  toString(): string {
    return '[secret]'
  }
  [inspect.custom](): string {
    return '[secret]'
  }
}

export interface Config {
  readonly databaseUrl: string | Secret
}

export function describe({ databaseUrl }: Config): string {
  const hidden = typeof databaseUrl === 'string' ? new Secret(databaseUrl) : databaseUrl
  return `starting with ${JSON.stringify({ databaseUrl: hidden })}`
}
