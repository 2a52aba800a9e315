/** The route as it is declared and the class of the status; who it was stands in the trace. */
export function createCounter() {
  const series = new Map<string, number>()
  return {
    series,
    count(route: string, _path: string, _user: string, status: number): void {
      const labels = JSON.stringify({ route, status: `${Math.floor(status / 100)}xx` })
      series.set(labels, (series.get(labels) ?? 0) + 1)
    },
  }
}
