/** Everybody changes it, nobody may break it. */
export class OrderService {
  place(): string {
    return 'placed'
  }
  renderInvoice(): string {
    return '%PDF'
  }
  sendMail(): string {
    return 'sent'
  }
  importCsv(): string {
    return 'imported'
  }
  syncWarehouse(): string {
    return 'synced'
  }
  revenueReport(): string {
    return 'report'
  }
}
