/** Minor units as integers; text is read without a detour over a fraction. */
export function cents(price: string): number {
  const [, whole = '', part = ''] = /^(\d{1,12})\.(\d{2})$/.exec(price) ?? []
  if (whole === '') throw new Error(`not a price: ${price}`)
  return Number(whole) * 100 + Number(part)
}

export function total(prices: readonly string[]): number {
  return prices.reduce((sum, price) => sum + cents(price), 0)
}

export function isPaid(prices: readonly string[], paid: string): boolean {
  return total(prices) === cents(paid)
}
