export interface Order {
  readonly id: string
  readonly customer: { readonly firstName: string; readonly lastName: string }
}

const V1_HEADERS = {
  deprecation: '@1767225600',
  sunset: 'Thu, 31 Dec 2026 23:59:59 GMT',
  link: '</v2/orders>; rel="successor-version"',
}

/** One model inside; the old form is made from the new one at the edge, and says when it ends. */
export function reply(version: 'v1' | 'v2', { id, customer }: Order) {
  const { firstName, lastName } = customer
  if (version === 'v2') return { headers: {}, body: { id, firstName, lastName } }
  return { headers: V1_HEADERS, body: { id, name: `${firstName} ${lastName}` } }
}
