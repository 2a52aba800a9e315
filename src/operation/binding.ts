/** How an operation is bound to HTTP: `POST /v1/orders/{id}/cancel`. */
import { optionError, shown } from '../base/bounds.ts'
import { didYouMean } from '../base/did-you-mean.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** `GET /v1/orders/{id}`: parameters in braces are fields of the input. */
export type HttpText<Method extends HttpMethod = HttpMethod> = `${Method} /${string}`

export interface HttpBinding {
  readonly method: HttpMethod
  readonly path: string
  /** Names of the path parameters, in order. */
  readonly params: readonly string[]
  /** Whether the input travels in a JSON body; else in path and query alone (RFC 9110 §9.3.1, §9.3.5),
   *  as it also does where the body is a stream. */
  readonly hasBody: boolean
}

const METHODS: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const SEGMENT = /^[a-z0-9][a-z0-9._~-]*$/
const PARAMETER = /^\{([a-zA-Z][a-zA-Z0-9]*)\}$/

/** Parses and checks a binding; `methods` are those the kind of operation allows. */
export function parseHttp(
  where: string,
  text: string,
  methods: readonly HttpMethod[] = METHODS,
): HttpBinding {
  const [method = '', path = '', ...rest] = text.split(' ')
  if (rest.length > 0 || !path.startsWith('/')) {
    throw optionError(where, 'http', `is ${shown(text)} and must be like "POST /v1/orders/{id}"`)
  }
  const params = pathParameters(where, path)
  const known = allowedMethod(where, method, methods)
  return { method: known, path, params, hasBody: known !== 'GET' && known !== 'DELETE' }
}

function allowedMethod(where: string, method: string, methods: readonly HttpMethod[]): HttpMethod {
  const found = methods.find((candidate) => candidate === method)
  if (found !== undefined) return found
  const complaint = `has the method ${shown(method)} and must have ${methods.join(', ')}`
  throw optionError(where, 'http', `${complaint}${didYouMean(method, methods)}`)
}

function pathParameters(where: string, path: string): readonly string[] {
  const params: string[] = []
  for (const segment of path.slice(1).split('/')) {
    const name = PARAMETER.exec(segment)?.[1]
    if (name === undefined && !SEGMENT.test(segment)) {
      const grammar = 'segments are lower case (a-z 0-9 . _ ~ -) or one {parameter}'
      throw optionError(where, 'http', `has the path segment ${shown(segment)}; ${grammar}`)
    }
    if (name === undefined) continue
    if (params.includes(name)) throw optionError(where, 'http', `has {${name}} twice`)
    params.push(name)
  }
  return params
}

/** Two bindings of one shape answer the same requests: `/a/{x}` and `/a/{y}`. */
export function routeShape(binding: HttpBinding): string {
  return `${binding.method} ${binding.path.replaceAll(/\{[^}]*\}/g, '{}')}`
}
