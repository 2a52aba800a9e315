import type { RegisteredOperation, Registry } from '../../operation/registered.ts'
import { routerPath } from '../http/target.ts'
import { OperationRoute, type RestOptions } from './operation-route.ts'

/** Gives each operation that has an HTTP binding its route; HEAD answers as GET does, without body. */
export function bindRest(registry: Registry, options: RestOptions): void {
  for (const operation of registry.operations.values()) {
    if (operation.http !== undefined) bind(operation, options)
  }
}

function bind(operation: RegisteredOperation, options: RestOptions): void {
  const { method, path } = operation.http as NonNullable<RegisteredOperation['http']>
  const route = new OperationRoute(operation, options)
  options.host.app.route({
    method: method === 'GET' ? ['GET', 'HEAD'] : method,
    url: routerPath(path),
    handler: (request, reply) => {
      reply.hijack()
      void route.handle(request.raw, reply.raw)
    },
  })
}
