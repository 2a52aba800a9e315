export async function settle(payments: readonly string[], pay: (id: string) => Promise<void>) {
  for (const id of payments) {
    try {
      await pay(id)
    } catch (error) {
      console.log('error!', error)
    }
  }
}
