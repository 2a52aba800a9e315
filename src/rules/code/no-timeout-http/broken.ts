export async function isUp(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/health`)
  return response.ok
}
