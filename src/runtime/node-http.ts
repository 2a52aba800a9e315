/**
 * The HTTP of Node without what importing it brings along: an `import` of a builtin reads each of its
 * exports once, and some of those of node:http are there on demand, with the client behind `fetch`.
 * That is a tenth of what an API needs to start.
 */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http')
export const https: typeof import('node:https') = process.getBuiltinModule('node:https')
