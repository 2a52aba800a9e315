import type { Response } from 'express'

export function signIn(response: Response, id: string): void {
  response.cookie('session', id)
}
