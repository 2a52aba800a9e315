export interface Steps {
  save(): Promise<void>
  renderPdf(): Promise<void>
  mailPdf(): Promise<void>
  enqueue(name: string): Promise<void>
}

/** What the answer does not depend on is a job, enqueued with the order. */
export async function placeOrder(steps: Steps): Promise<number> {
  await steps.save()
  await steps.enqueue('invoice')
  return 201
}

export async function invoiceJob(steps: Steps): Promise<void> {
  await steps.renderPdf()
  await steps.mailPdf()
}
