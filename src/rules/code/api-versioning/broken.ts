export interface Order {
  readonly id: string
  readonly customer: { readonly firstName: string; readonly lastName: string }
}

/** `name` became two fields: clients of last year read undefined. */
export function reply(_version: 'v1' | 'v2', { id, customer }: Order) {
  return { headers: {}, body: { id, ...customer } }
}
