export function readPort(): number {
  const text = process.env.PORT ?? '3000'
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`PORT is no port: ${text}`)
  return port
}

export function isDebug(): boolean {
  const text = process.env.DEBUG ?? 'false'
  if (text !== 'true' && text !== 'false') throw new Error(`DEBUG is true or false, not ${text}`)
  return text === 'true'
}
