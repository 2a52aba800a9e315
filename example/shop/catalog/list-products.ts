import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { ListProducts, SearchProducts } from './contract.ts'

export const listProducts = shop.list(ListProducts, {
  allow: may('products:read'),
  from: 'products',
})

export const searchProducts = shop.list(SearchProducts, {
  allow: may('products:read'),
  limit: { rate: '1200/min', per: 'principal' },
  from: 'products',
  columns: { matched: 'name_folded' },
  search: { column: 'name_folded', fold: 'lower' },
})
