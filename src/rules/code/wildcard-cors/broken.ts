import type { NextFunction, Request, Response } from 'express'

/** Whoever asks is allowed, with the cookies of the user. */
export function cors(request: Request, response: Response, next: NextFunction): void {
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*')
  response.setHeader('access-control-allow-credentials', 'true')
  next()
}
