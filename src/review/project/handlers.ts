/** The functions that requests run: routes, controller methods, procedures, and how each is reached. */
import { isFromPackage } from '../libraries/library.ts'
import {
  CONTROLLER_DECORATORS,
  frameworks,
  METHODS,
  ROUTE_DECORATORS,
  type WebFramework,
} from '../libraries/web.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  classAround,
  type FunctionNode,
  is,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import type { Project } from './project.ts'
import type { Value, Values } from './value.ts'

export interface Handler {
  readonly module: Module
  readonly node: FunctionNode
  readonly framework: string
  /** POST, …; MUTATION and QUERY for procedures. */
  readonly method: string
  readonly path: string
  /** Where the route is declared. */
  readonly route: { readonly module: Module; readonly node: Node }
  /** What runs before it on this route. */
  readonly before: readonly Node[]
  /** A schema is declared at the route. */
  readonly hasSchema: boolean
  readonly web: WebFramework | undefined
}

export class Handlers {
  readonly #project: Project
  readonly #values: Values
  #all: readonly Handler[] | undefined
  #byNode: ReadonlyMap<Node, Handler> | undefined

  constructor(project: Project, values: Values) {
    this.#project = project
    this.#values = values
  }

  get all(): readonly Handler[] {
    this.#all ??= this.#project.modules.flatMap((module) => [
      ...this.#routes(module),
      ...decorated(module),
      ...procedures(module),
      ...this.#fileRoutes(module),
    ])
    return this.#all
  }

  of(node: Node): Handler | undefined {
    this.#byNode ??= new Map(this.all.map((handler) => [handler.node, handler]))
    return this.#byNode.get(node)
  }

  #routes(module: Module): Handler[] {
    const routers = new Map<Node | undefined, WebFramework | undefined>()
    return module.all('CallExpression').flatMap((call) => {
      const callee = bare(call.callee)
      if (!is(callee, 'MemberExpression')) return []
      const name = memberName(callee)
      if (name === undefined || !(METHODS.test(name) || name === 'route' || name === 'use'))
        return []
      const web = this.#frameworkOf(module, callee.object, call, routers)
      return web === undefined ? [] : this.#routeOf(module, call, name, web)
    })
  }

  #frameworkOf(
    module: Module,
    object: Node,
    call: CallNode,
    known: Map<Node | undefined, WebFramework | undefined>,
  ): WebFramework | undefined {
    const at = bare(object)
    const value = this.#values.of(module, at)
    const source = sourceOf(value)
    if (source !== undefined) return frameworks.find((each) => isFromPackage(each.packages, source))
    if (known.has(at)) return known.get(at)
    const name = (is(at, 'MemberExpression') ? memberName(at) : nameOf(at)) ?? ''
    if (is(at, 'CallExpression') && calledName(at) === 'route')
      return this.#ofPackage(module, 'express')
    const path = textOf(call.arguments[0])
    if (path === undefined || !/^[/*:]/.test(path) || call.arguments.length < 2) return undefined
    return frameworks.find((each) => each.usualNames.test(name) && this.#dependsOn(module, each))
  }

  #ofPackage(module: Module, id: string): WebFramework | undefined {
    return frameworks.find((each) => each.id === id && this.#dependsOn(module, each))
  }

  #dependsOn(module: Module, web: WebFramework): boolean {
    const { dependencies } = this.#project.packageOf(module)
    return web.packages.some((name) => dependencies.has(name))
  }

  #routeOf(module: Module, call: CallNode, name: string, web: WebFramework): Handler[] {
    const [first] = call.arguments
    if (name === 'route') {
      const options = first && bare(first)
      if (!is(options, 'ObjectExpression')) return []
      const handler = propertyOf(options, 'handler')
      const method = textOf(propertyOf(options, 'method')) ?? 'ANY'
      const path = textOf(propertyOf(options, 'url')) ?? textOf(propertyOf(options, 'path')) ?? '?'
      return handler === undefined
        ? []
        : this.#made(module, handler, {
            call,
            method,
            path,
            before: [],
            hasSchema: propertyOf(options, 'schema') !== undefined,
            web,
          })
    }
    const path = textOf(first)
    const given = call.arguments.slice(
      path === undefined && name !== 'use' ? 0 : path === undefined ? 0 : 1,
    )
    const last = given.at(-1)
    if (last === undefined || (name === 'use' && path === undefined)) return []
    const options = given.find((each) => is(bare(each), 'ObjectExpression'))
    const before = given.slice(0, -1)
    const hasSchema =
      propertyOf(options, 'schema') !== undefined || before.some((each) => validates(module, each))
    return this.#made(module, last, {
      call,
      method: name === 'use' ? 'ANY' : name,
      path: path ?? '?',
      before,
      hasSchema,
      web,
    })
  }

  #made(
    module: Module,
    node: Node,
    {
      call,
      method,
      path,
      before,
      hasSchema,
      web,
    }: {
      call: CallNode
      method: string
      path: string
      before: readonly Node[]
      hasSchema: boolean
      web: WebFramework
    },
  ): Handler[] {
    const found = this.#function(module, node)
    if (found === undefined) return []
    const route = { module, node: call }
    return [
      {
        ...found,
        framework: web.title,
        method: method.toUpperCase(),
        path,
        route,
        before,
        hasSchema,
        web,
      },
    ]
  }

  /** A handler, out of whatever it is wrapped in: asyncHandler(fn), controller.create.bind(controller). */
  #function(
    module: Module,
    node: Node,
    depth = 0,
  ): { module: Module; node: FunctionNode } | undefined {
    const at = bare(node)
    const value = this.#values.of(module, at)
    if (value?.kind === 'function') return { module: value.module, node: value.node }
    if (value === undefined) return this.#ofWrapped(module, at)
    if (value.kind !== 'result' || depth > 2) return undefined
    if (calledName(value.node) === 'bind') {
      const { callee } = value.node
      const bound = is(callee, 'MemberExpression') ? callee.object : undefined
      return bound && this.#function(value.module, bound, depth + 1)
    }
    const inner =
      value.node.arguments.find((each) => isFunction(bare(each))) ?? value.node.arguments.at(-1)
    return inner && this.#function(value.module, inner, depth + 1)
  }

  /** One of a controller that is wrapped as a whole: catching(controller).create */
  #ofWrapped(module: Module, node: Node): { module: Module; node: FunctionNode } | undefined {
    const name = is(node, 'MemberExpression') ? memberName(node) : undefined
    const wrapped = is(node, 'MemberExpression') ? this.#values.of(module, node.object) : undefined
    if (name === undefined || wrapped?.kind !== 'result') return undefined
    const [first] = wrapped.node.arguments
    const inner = first && this.#values.of(wrapped.module, first)
    const found = inner && this.#values.member(inner, name)
    return found?.kind === 'function' ? { module: found.module, node: found.node } : undefined
  }

  /** pages/api and app/…/route.ts of Next. */
  #fileRoutes(module: Module): Handler[] {
    const isApi = /(?:^|\/)pages\/api\//.test(module.path)
    const isRoute = /(?:^|\/)app\/.*\broute\.[jt]s$/.test(module.path)
    if (!isApi && !isRoute) return []
    const names = isApi ? ['default'] : ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
    return names.flatMap((name) => {
      const found = this.#project.exported(module, name)
      const fn = found && this.#function(found.module, found.node)
      if (fn === undefined || found === undefined) return []
      const method = isApi ? 'ANY' : name
      return [
        {
          ...fn,
          framework: 'Next.js',
          method,
          path: `/${module.path.replace(/^.*\/(?:app|pages)\//, '').replace(/(?:\/route)?\.[jt]s$/, '')}`,
          route: found,
          before: [],
          hasSchema: false,
          web: frameworks[0],
        },
      ]
    })
  }
}

/** validate(schema), celebrate({ body }): made for this route. */
function validates(module: Module, node: Node): boolean {
  const at = bare(node)
  const named = is(at, 'CallExpression') ? at.callee : is(at, 'Identifier') ? at : undefined
  return named !== undefined && /^valid|validat|celebrate|schema/i.test(module.source(named))
}

function sourceOf(value: Value | undefined): string | undefined {
  if (value?.kind === 'instance' || value?.kind === 'result') return sourceOf(value.of)
  return value?.kind === 'outside' ? value.source : undefined
}

function decorated(module: Module): Handler[] {
  return module.all('MethodDefinition').flatMap((method) => {
    const found = method.decorators
      ?.map(decoratorOf)
      .find(({ name }) => ROUTE_DECORATORS.test(name))
    const around = classAround(method)
    const isController = around?.decorators
      ?.map(decoratorOf)
      .some(({ name }) => CONTROLLER_DECORATORS.test(name))
    if (found === undefined || !isController || !isFunction(method.value)) return []
    const before = [...(method.decorators ?? []), ...(around?.decorators ?? [])]
    const prefix =
      textOf(
        around?.decorators?.map(decoratorOf).find(({ name }) => name === 'Controller')?.args[0],
      ) ?? ''
    const path = `/${[prefix, textOf(found.args[0]) ?? ''].filter(Boolean).join('/')}`.replaceAll(
      /\/+/g,
      '/',
    )
    const handler = {
      module,
      node: method.value,
      framework: 'Nest',
      method: found.name.toUpperCase(),
      path,
    }
    return [
      { ...handler, route: { module, node: method }, before, hasSchema: false, web: undefined },
    ]
  })
}

export function decoratorOf(node: Node): { readonly name: string; readonly args: readonly Node[] } {
  const expression = bare((node as NodeOf<'Decorator'>).expression)
  if (is(expression, 'CallExpression'))
    return { name: calledName(expression) ?? '', args: expression.arguments }
  return { name: nameOf(expression) ?? '', args: [] }
}

/** publicProcedure.input(schema).mutation(async ({ input }) => …) */
function procedures(module: Module): Handler[] {
  return module.all('CallExpression').flatMap((call) => {
    const name = calledName(call)
    if (name !== 'mutation' && name !== 'query' && name !== 'handler') return []
    const handler = call.arguments[0] && bare(call.arguments[0])
    const text = module.text.slice(call.start, handler?.start ?? call.end)
    if (!isFunction(handler) || !/procedure/i.test(text)) return []
    const key = is(call.parent, 'Property') ? nameOf(call.parent.key) : undefined
    const route = { module, node: call }
    const hasSchema = /\.input\(/.test(text)
    return [
      {
        module,
        node: handler,
        framework: 'tRPC',
        method: name.toUpperCase(),
        path: key ?? '?',
        route,
        before: [],
        hasSchema,
        web: undefined,
      },
    ]
  })
}
