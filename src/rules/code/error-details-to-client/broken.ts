export interface Reply {
  readonly status: number
  readonly body: object
}

export function answer(error: Error): Reply {
  return { status: 500, body: { error: error.message, stack: error.stack } }
}
