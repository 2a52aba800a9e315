export interface Login {
  readonly email: string
  readonly password: string
}

export function createLogin(isGood: (login: Login) => boolean, _nowMs: () => number) {
  return (login: Login): number => (isGood(login) ? 200 : 401)
}
