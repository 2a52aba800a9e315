export interface StoredKey {
  readonly id: string
  readonly key: string
}

/** Kept in plain text, compared byte by byte until the first that differs. */
export function isKey(stored: StoredKey, given: string): boolean {
  return stored.key === given
}

export function store(id: string, key: string): StoredKey {
  return { id, key }
}
