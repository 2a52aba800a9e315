export type Call = () => Promise<string>

/** Each dependency has places of its own; a full one is refused at once. */
export function createCalls(limit = 10) {
  return { slow: slots(limit / 2), fast: slots(limit / 2) }
}

function slots(limit: number) {
  let used = 0
  return async (call: Call): Promise<string> => {
    if (used >= limit) throw new Error('no place left')
    used += 1
    try {
      return await call()
    } finally {
      used -= 1
    }
  }
}
