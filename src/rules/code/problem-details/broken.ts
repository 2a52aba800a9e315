export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A client can only branch on English. */
export function insufficientStock(_sku: string): Reply {
  return { status: 200, type: 'application/json', body: '{"ok":false,"error":"Not enough stock!"}' }
}
