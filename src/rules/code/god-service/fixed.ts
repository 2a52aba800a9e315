/** One reason to change each; the module that owns the tables exports only this. */
export interface Ordering {
  place(): string
}

export interface Invoicing {
  render(order: string): string
}

export interface Reporting {
  revenue(day: string): string
}
