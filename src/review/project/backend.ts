/** Which modules run in a server: the reviewer has nothing to say about a user interface. */
import type { Module } from '../syntax/module.ts'
import { isTestPath, type Project } from './project.ts'

const INTERFACE =
  /^(?:react|react-dom|preact|vue|svelte|solid-js|@angular\/core|@remix-run\/react|next\/(?:navigation|router|link)|mobx(?:-react)?|zustand|@tanstack\/(?:react|vue)-query|@reduxjs\/toolkit|swr|react-native|expo|lit|prosemirror-(?:view|state)|@tiptap\/react|@builder\.io\/qwik)$/
const SERVER =
  /^(?:express|fastify|koa|hono|@nestjs\/core|@nestjs\/common|@trpc\/server|pg|mysql2|postgres|knex|kysely|typeorm|drizzle-orm|@prisma\/client|sequelize|mongoose|mongodb|bullmq|bull|ioredis|redis|@hapi\/hapi|graphql-yoga|@apollo\/server|@mikro-orm\/core)$/
const SERVER_FOLDER =
  /(?:^|\/)(?:server|api|backend|worker|workers|jobs|migrations?|models?|processors?)\//
/** Beside a user interface, api/ is what calls the server. */
const OWN_SERVER_FOLDER = /(?:^|\/)(?:server|backend|workers?|(?:app|pages)\/api)\//
/** Run by a person, once, who sees what happens. */
const SCRIPT_FOLDER =
  /(?:^|\/)(?:(?:\w+-)?scripts?|bin|cli|install(?:er)?|releases|tools|seeds?|seeders?|dev-env)\/|(?:^|\/)seed[-.][^/]*$/
/** Sent to browsers as it is. */
const BROWSER = /(?:^|\/)public\/(?:.*\/)?(?:src|js|javascripts?|scripts?|service-worker|sw)\b/

/** From this share of components on, a folder is a user interface. */
const INTERFACE_SHARE = 0.25

export class Backend {
  readonly #project: Project
  /** Every detector asks about every module. */
  readonly #servers = new Map<Module, boolean>()
  #servedFolders: ReadonlySet<string> | undefined
  #shares: Map<string, { components: number; all: number }> | undefined

  constructor(project: Project) {
    this.#project = project
  }

  isServer(module: Module): boolean {
    const known = this.#servers.get(module)
    if (known !== undefined) return known
    const isServer = this.#judge(module)
    this.#servers.set(module, isServer)
    return isServer
  }

  #judge(module: Module): boolean {
    const { path, text } = module
    if (/\.[jt]sx$/.test(path) || isTestPath(path) || /^\s*['"]use client['"]/.test(text))
      return false
    if (module.all('ImportDeclaration').some(({ source }) => INTERFACE.test(String(source.value))))
      return false
    const { dependencies, isCommand } = this.#project.packageOf(module)
    const names = [...dependencies]
    const hasServer = names.some((name) => SERVER.test(name))
    const hasInterface = names.some((name) => INTERFACE.test(name))
    if ((isCommand || hasInterface) && !hasServer) return false
    if (SCRIPT_FOLDER.test(path) || BROWSER.test(path) || text.startsWith('#!')) return false
    if (this.#isBesideServer(path)) return false
    const folder = hasInterface ? OWN_SERVER_FOLDER : SERVER_FOLDER
    return folder.test(path) || this.#shareOf(path) < INTERFACE_SHARE
  }

  /** client/ beside server/, as Meteor divides an application. */
  #isBesideServer(path: string): boolean {
    const [, above] = /^((?:.*\/)?)client\//.exec(path) ?? []
    if (above === undefined) return false
    this.#servedFolders ??= new Set(
      this.#project.codePaths.flatMap((each) => /^((?:.*?\/)?)server\//.exec(each)?.[1] ?? []),
    )
    return this.#servedFolders.has(above)
  }

  #shareOf(path: string): number {
    this.#shares ??= this.#count()
    const counted = this.#shares.get(this.#folderOf(path))
    return counted === undefined ? 0 : counted.components / counted.all
  }

  #count(): Map<string, { components: number; all: number }> {
    const shares = new Map<string, { components: number; all: number }>()
    for (const path of this.#project.codePaths) {
      const folder = this.#folderOf(path)
      const counted = shares.get(folder) ?? { components: 0, all: 0 }
      counted.all++
      if (/\.[jt]sx$/.test(path)) counted.components++
      shares.set(folder, counted)
    }
    return shares
  }

  #folderOf(path: string): string {
    const { folder, dependencies } = this.#project.packages.of(path)
    const depth = [...dependencies].some((name) => INTERFACE.test(name)) && folder !== '' ? 1 : 2
    const inside = folder === '' ? path : path.slice(folder.length + 1)
    return `${folder}:${inside.split('/').slice(0, -1).slice(0, depth).join('/')}`
  }
}
