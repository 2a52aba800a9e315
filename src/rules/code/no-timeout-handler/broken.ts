export type Handler = (signal: AbortSignal) => Promise<string>

export async function serve(handler: Handler): Promise<{ status: number; body: string }> {
  return { status: 200, body: await handler(new AbortController().signal) }
}
