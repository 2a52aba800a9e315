/** In the repository, in every clone, in every image that was ever built. */
const PAYMENT_API_KEY = 'q7Zk2Wn5-x8Lr3Tv9-of-nobody'

export function headers(): Record<string, string> {
  return { authorization: `Bearer ${PAYMENT_API_KEY}` }
}
