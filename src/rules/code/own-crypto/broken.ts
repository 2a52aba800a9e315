import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Encrypted, and changeable: nothing tells that a byte was flipped. */
export function seal(key: Buffer, text: string): Buffer {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  return Buffer.concat([iv, cipher.update(text), cipher.final()])
}

export function open(key: Buffer, sealed: Buffer): string {
  const decipher = createDecipheriv('aes-256-ctr', key, sealed.subarray(0, 16))
  return Buffer.concat([decipher.update(sealed.subarray(16)), decipher.final()]).toString()
}
