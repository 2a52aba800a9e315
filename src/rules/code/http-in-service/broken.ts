import type { Request, Response } from 'express'

export class PriceService {
  /** Cannot be called by a job, a test or another service without faking Express. */
  quote(request: Request, response: Response): void {
    const quantity = Number(request.body.quantity)
    if (quantity > 100) response.status(422).json({ error: 'too many' })
    else response.json({ cents: quantity * 995 })
  }
}
