export interface Db {
  query(sql: string): Promise<{ rowCount: number }>
}

/** Green whatever the SQL says: the fake answers, the database never sees it. */
export function fakeDb(): Db {
  return { query: async () => ({ rowCount: 1 }) }
}
