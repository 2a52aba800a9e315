import { shop } from '../shop.ts'

export { assessOrder, lookAtBuyer } from './assess-order.ts'
export { addBlock, listBlocks, removeBlock } from './blocklist.ts'
export * from './contract.ts'
export { approveOrder, getReview, listReviews, rejectOrder, withdrawReview } from './review.ts'

export const module = shop.defineModule({
  name: 'fraud',
  migrations: new URL('./migrations/', import.meta.url),
})
