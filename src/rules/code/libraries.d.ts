/** As much of each library as the examples use: they are shown and reviewed, none of it is installed. */

declare module 'bullmq' {
  export interface Queue {
    add(name: string, data: object): Promise<unknown>
  }
}

declare module 'ioredis' {
  export interface Redis {
    get(key: string): Promise<string | null>
    set(key: string, value: string, ...options: readonly (string | number)[]): Promise<unknown>
    del(key: string): Promise<number>
  }
}

declare module 'jsonwebtoken' {
  export function sign(claims: object, key: string, options: object): string
  export function verify(token: string, key: string, options: object): { readonly sub: string }
}

declare module 'node-cron' {
  export interface NodeCron {
    schedule(expression: string, task: (context: { readonly date: Date }) => Promise<void>): void
  }
}
