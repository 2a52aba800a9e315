/** `holdfast/http`: the description of an app, and its API port where `startApp` is too much. */
export {
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from './transport/http/server.ts'
export { type ApiInfo, type OpenApi, openApi } from './transport/rest/openapi.ts'
