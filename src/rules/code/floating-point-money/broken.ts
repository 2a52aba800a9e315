export function total(prices: readonly string[]): number {
  return prices.reduce((sum, price) => sum + Number(price), 0)
}

export function isPaid(prices: readonly string[], paid: string): boolean {
  return total(prices) === Number(paid)
}
