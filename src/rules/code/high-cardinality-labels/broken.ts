/** One series per user and path: 50,000 users are 50,000 series in every process. */
export function createCounter() {
  const series = new Map<string, number>()
  return {
    series,
    count(_route: string, path: string, user: string, status: number): void {
      const labels = JSON.stringify({ path, user, status })
      series.set(labels, (series.get(labels) ?? 0) + 1)
    },
  }
}
