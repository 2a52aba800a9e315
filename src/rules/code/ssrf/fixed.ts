import { lookup } from 'node:dns/promises'
import { BlockList } from 'node:net'

const closed = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  closed.addSubnet(net, bits, 'ipv4')
// The fifth and sixth carry an IPv4 address inside, which a gateway may go on to.
for (const [net, bits] of [
  ['::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
  ['64:ff9b::', 32],
  ['2002::', 16],
] as const)
  closed.addSubnet(net, bits, 'ipv6')

/**
 * Every address that the name stands for is checked, mapped ones as what they map; connect to that
 * address, not to the name again.
 */
export async function isAllowed(url: string): Promise<boolean> {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:') return false
  const host = hostname.replace(/^\[|\]$/g, '')
  const found = await lookup(host, { all: true }).catch(() => [])
  return (
    found.length > 0 &&
    found.every(({ address, family }) => !closed.check(address, family === 6 ? 'ipv6' : 'ipv4'))
  )
}
