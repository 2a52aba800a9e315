export interface Steps {
  save(): Promise<void>
  renderPdf(): Promise<void>
  mailPdf(): Promise<void>
  enqueue(name: string): Promise<void>
}

export async function placeOrder(steps: Steps): Promise<number> {
  await steps.save()
  await steps.renderPdf()
  await steps.mailPdf()
  return 201
}
