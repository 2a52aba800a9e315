export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

export function insufficientStock(sku: string): Reply {
  const problem = {
    type: 'https://shop.example/problems/insufficient-stock',
    title: 'Insufficient stock',
    status: 409,
    code: 'insufficient-stock',
    sku,
  }
  return { status: 409, type: 'application/problem+json', body: JSON.stringify(problem) }
}
