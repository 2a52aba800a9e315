export function sessionCookie(id: string): string {
  return `session=${id}`
}
