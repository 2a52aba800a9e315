import { createServer, type Server } from 'node:http'

export function serve(_isReady: () => Promise<boolean>): Server {
  return createServer((_request, response) => {
    response.end('hello')
  })
}
