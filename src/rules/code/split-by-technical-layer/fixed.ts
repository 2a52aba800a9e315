/** A folder is a domain: what changes together lies together, and only `index.ts` is for others. */
export const layout = [
  'ordering/index.ts',
  'ordering/place-order.ts',
  'ordering/store.ts',
  'ordering/migrations/0001_orders.sql',
  'accounts/index.ts',
  'accounts/register.ts',
]
