import type { NextFunction, Request, Response } from 'express'

const ORIGINS = new Set(['https://app.example', 'https://admin.example'])

/** Compared whole: no prefix, no suffix, no regular expression. */
export function cors(request: Request, response: Response, next: NextFunction): void {
  const { origin } = request.headers
  response.setHeader('vary', 'Origin')
  if (origin !== undefined && ORIGINS.has(origin)) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-allow-credentials', 'true')
  }
  next()
}
