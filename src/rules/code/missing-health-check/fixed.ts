import { createServer, type Server } from 'node:http'

export function serve(isReady: () => Promise<boolean>): Server {
  return createServer(async (request, response) => {
    if (request.url === '/health/live') response.end('pass')
    else if (request.url === '/health/ready') {
      response.statusCode = (await isReady()) ? 200 : 503
      response.end()
    } else response.end('hello')
  })
}
