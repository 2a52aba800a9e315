/** Under which user Postgres programs run. Postgres refuses to run as root. */
export interface ServerAccount {
  readonly uid?: number
  readonly gid?: number
}

/** "nobody" by convention of Linux (kernel overflow uid) and of macOS; no user has to be created. */
const NOBODY = process.platform === 'darwin' ? -2 : 65534

/**
 * As root: the owner of the project's folder, or an unprivileged uid to drop to where that is root
 * too. Otherwise nothing: the server runs as this user.
 */
export function serverAccount(folder?: ServerAccount): ServerAccount {
  if (process.getuid?.() !== 0) return {}
  return folder?.uid && folder.gid
    ? { uid: folder.uid, gid: folder.gid }
    : { uid: NOBODY, gid: NOBODY }
}
