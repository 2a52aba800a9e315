/** In the repository, in every clone, in every image that was ever built. */
const PAYMENT_KEY = 'pk_live_not_a_real_key_0123456789'

export function headers(): Record<string, string> {
  return { authorization: `Bearer ${PAYMENT_KEY}` }
}
