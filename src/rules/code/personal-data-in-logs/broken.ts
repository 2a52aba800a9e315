export function logLine(request: { path: string; body: Record<string, string> }): string {
  return JSON.stringify({ message: 'request', ...request })
}
