/**
 * Callers who show no credential: a sign-up, a reset of a password, a public catalog. They too ask for
 * something of a tenant; the app says whose it is, as nothing that is verified does.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { optionError } from '../base/bounds.ts'
import { HoldfastError } from '../base/fault.ts'
import { anonymousPrincipal, type Principal } from '../base/principal.ts'
import type { Registry } from '../operation/registered.ts'
import { anyone } from '../operation/rule.ts'

/** What is known of a caller that has shown no credential, to find out whose it is. */
export interface AnonymousRequest {
  /** In lower case, without the port: `acme.shop.example`. Whoever asks may write what they like. */
  readonly host: string
  /** By lower-case name. */
  readonly headers: Readonly<IncomingHttpHeaders>
}

/** The one tenant of the app, or that of a request; undefined: of none, and no command runs. */
export type AnonymousTenant = string | ((request: AnonymousRequest) => string | undefined)

/** A command that lets anyone in could not even keep its key: told at start, and not to its callers. */
export function checkAnonymous(registry: Registry, tenant: AnonymousTenant | undefined): void {
  if (tenant === '') throw optionError('startApp', 'anonymousTenant', 'must not be empty')
  if (tenant !== undefined) return
  const open = [...registry.operations.values()].filter(
    ({ kind, http, allow, authenticate }) =>
      kind === 'command' && http !== undefined && allow === anyone && authenticate === undefined,
  )
  if (open.length === 0) return
  const names = open.map(({ name }) => name).join(', ')
  const message = [
    `${names}: anyone may, and nothing says whose tenant it is for who shows no credential.`,
    "Give startApp an anonymousTenant ('main', or a function of the request), or let anyPrincipal in.",
  ]
  throw new HoldfastError('HF_APP_INVALID', message.join(' '))
}

/** Who has shown nothing. The rule of the operation decides what that is good for. */
export function nobody(
  tenant: AnonymousTenant | undefined,
  headers: IncomingHttpHeaders,
): Principal {
  if (typeof tenant !== 'function') return anonymousPrincipal(tenant ?? '')
  const host = (headers.host ?? '').toLowerCase().replace(/:\d*$/, '')
  return anonymousPrincipal(tenant({ host, headers }) ?? '')
}
