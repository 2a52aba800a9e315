export class TooManyError extends Error {
  readonly code = 'too-many'
}

export class PriceService {
  quote(quantity: number): { readonly cents: number } {
    if (quantity > 100) throw new TooManyError('100 at most')
    return { cents: quantity * 995 }
  }
}
