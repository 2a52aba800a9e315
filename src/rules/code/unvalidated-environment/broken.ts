export function readPort(): number {
  return Number(process.env.PORT)
}

export function isDebug(): boolean {
  return Boolean(process.env.DEBUG)
}
