import { shop } from '../shop.ts'

export { adjustStock } from './adjust-stock.ts'
export * from './contract.ts'
export { createProduct } from './create-product.ts'
export { getProduct, getStock } from './get-product.ts'
export { importBatch } from './import-batch.ts'
export * from './import-contract.ts'
export {
  getProductImport,
  importProducts,
  listImportFindings,
  listProductImports,
} from './import-products.ts'
export { listProducts, searchProducts } from './list-products.ts'
export { reserveStock, returnStock } from './reserve-stock.ts'
export { updateProduct } from './update-product.ts'

export const module = shop.defineModule({
  name: 'catalog',
  migrations: new URL('./migrations/', import.meta.url),
})
