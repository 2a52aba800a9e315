type Work = () => Promise<void>

/** A full server says so at once, first to what matters least. */
export function createServer(atOnceMax: number) {
  let running = 0
  return async (work: Work, priority: 'high' | 'low'): Promise<number> => {
    const places = priority === 'high' ? atOnceMax : Math.floor(atOnceMax * 0.8)
    if (running >= places) return 503
    running += 1
    try {
      await work()
      return 200
    } finally {
      running -= 1
    }
  }
}
