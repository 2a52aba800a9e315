/** `__Host-` makes the browser insist on Secure, Path=/ and no Domain. */
export function sessionCookie(id: string): string {
  return `__Host-session=${id}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200`
}
