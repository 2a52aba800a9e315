/** How web frameworks name what the reviewer asks about, as data. */

export interface WebFramework {
  readonly id: string
  readonly title: string
  readonly packages: readonly string[]
  /** Exports whose results or instances take routes, and types of parameters that do. */
  readonly routers: readonly string[]
  readonly usualNames: RegExp
  /** Where what the caller sent stands, from the first parameter on. */
  readonly request: RegExp
  /** How the schema of a route is written, for the fixes. */
  readonly validates: string
}

export const METHODS = /^(?:get|post|put|patch|delete|all|head|options|del)$/

export const frameworks: readonly WebFramework[] = [
  {
    id: 'express',
    title: 'Express',
    packages: ['express', 'express-promise-router', '@types/express', 'restify', 'polka'],
    routers: ['default', 'express', 'Router', 'Express', 'Application', 'IRouter'],
    usualNames: /(?:^app$|^server$|[rR]outer?s?$|^api$)/,
    request: /^(?:body|query|params|headers|cookies|files?|originalUrl|url)(?:\.|$)/,
    validates: 'const body = Body.parse(req.body)',
  },
  {
    id: 'fastify',
    title: 'Fastify',
    packages: ['fastify'],
    routers: [
      'default',
      'fastify',
      'Fastify',
      'FastifyInstance',
      'FastifyPluginAsync',
      'FastifyZodProvider',
    ],
    usualNames: /^(?:fastify|app|server|instance)$/,
    request: /^(?:body|query|params|headers|cookies|url|raw)(?:\.|$)/,
    validates: "app.post('/x', { schema: { body: Body } }, handler)",
  },
  {
    id: 'hono',
    title: 'Hono',
    packages: ['hono', 'hono/', '@hono/zod-openapi'],
    routers: ['Hono', 'OpenAPIHono'],
    usualNames: /^(?:app|api|router?|hono)$/,
    request: /^req\.(?:query|queries|param|json|parseBody|text|header|formData|body|url)(?:\.|$)/,
    validates: "app.post('/x', zValidator('json', Body), handler)",
  },
  {
    id: 'koa',
    title: 'Koa',
    packages: ['koa', '@koa/router', 'koa-router'],
    routers: ['default', 'Router', 'Koa'],
    usualNames: /(?:^app$|[rR]outer$)/,
    request: /^(?:request\.(?:body|query|headers|files|url)|query|params|headers|cookies)(?:\.|$)/,
    validates: 'const body = Body.parse(ctx.request.body)',
  },
]

/** Decorators of Nest (and routing-controllers) that make a method a handler, and a parameter the caller's. */
export const ROUTE_DECORATORS =
  /^(?:Get|Post|Put|Patch|Delete|All|Query|Mutation|Subscription|MessagePattern|EventPattern|SubscribeMessage|ResolveField)$/
export const REQUEST_DECORATORS =
  /^(?:Body|Query|Param|Headers?|Args|UploadedFiles?|MessageBody|RawBody|Req|Request|Cookies|BodyParams?|QueryParams?)$/
export const CONTROLLER_DECORATORS =
  /^(?:Controller|Resolver|RestController|JsonController|WebSocketGateway)$/
