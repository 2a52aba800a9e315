export type Call = () => Promise<string>

/** One slow dependency takes all 10 places, and the fast one waits behind it. */
export function createCalls(limit = 10) {
  const shared = slots(limit)
  return { slow: (call: Call) => shared(call), fast: (call: Call) => shared(call) }
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
