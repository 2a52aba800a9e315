export async function isAllowed(url: string): Promise<boolean> {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' && hostname !== 'localhost' && hostname !== '127.0.0.1'
}
