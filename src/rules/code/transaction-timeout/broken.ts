import pg from 'pg'

export function openPool(connectionString: string): pg.Pool {
  return new pg.Pool({ connectionString, max: 10 })
}
