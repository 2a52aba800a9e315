export type Get = (path: string) => Promise<Record<string, string>>

/** One resource per screen; the server joins what lies beside each other there. */
export async function home(get: Get) {
  return get('/home?include=cart.product.stock')
}
