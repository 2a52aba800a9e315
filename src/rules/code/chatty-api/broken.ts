export type Get = (path: string) => Promise<Record<string, string>>

/** Four requests in a row before a phone can draw its first screen. */
export async function home(get: Get) {
  const user = await get('/me')
  const cart = await get(`/carts/${user.cart}`)
  const product = await get(`/products/${cart.product}`)
  const stock = await get(`/stock/${product.sku}`)
  return { user, cart, product, stock }
}
