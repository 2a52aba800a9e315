/** Under which user Postgres programs run. Postgres refuses to run as root. */
export interface ServerAccount {
  readonly uid?: number
  readonly gid?: number
}

/** "nobody" by convention of Linux (kernel overflow uid) and of macOS; no user has to be created. */
const NOBODY = process.platform === 'darwin' ? -2 : 65534

/** As root: an unprivileged uid to drop to; otherwise nothing, the server runs as this user. */
export function serverAccount(): ServerAccount {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
}
