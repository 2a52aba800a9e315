/** What reading the catalog needs of a connection; a `pg` client fits. */
export interface CatalogReader {
  query<R extends object>(text: string, values?: unknown[]): Promise<{ rows: R[] }>
}
