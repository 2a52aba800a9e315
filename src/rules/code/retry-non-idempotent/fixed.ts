export type Post = (path: string, headers: Record<string, string>) => Promise<{ status: number }>

/** A lost answer does not say whether the charge was made: the key makes asking again harmless. */
export async function charge(post: Post, order: string): Promise<number> {
  const headers = { 'idempotency-key': `charge-${order}` }
  for (let attempt = 1; ; attempt++) {
    try {
      return (await post(`/charges/${order}`, headers)).status
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}
