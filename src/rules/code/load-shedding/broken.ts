type Work = () => Promise<void>

/** Everything is taken, and waits until whoever asked has long gone. */
export function createServer(atOnceMax: number) {
  const waiting: { work: Work; done: (status: number) => void }[] = []
  let running = 0
  const next = async (): Promise<void> => {
    const item = running < atOnceMax ? waiting.shift() : undefined
    if (item === undefined) return
    running += 1
    await item.work()
    running -= 1
    item.done(200)
    await next()
  }
  return (work: Work, _priority: 'high' | 'low'): Promise<number> =>
    new Promise((done) => {
      waiting.push({ work, done })
      void next()
    })
}
