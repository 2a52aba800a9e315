export interface Config {
  readonly databaseUrl: string
}

export function describe(config: Config): string {
  return `starting with ${JSON.stringify(config)}`
}
