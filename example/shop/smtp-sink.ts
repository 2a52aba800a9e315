/**
 * A mail server for development, a process of its own: takes every mail on 127.0.0.1 and appends it
 * as one line of JSON to the file given as the first argument, on the port given as the second. Tells its port to its parent.
 */
import { appendFileSync } from 'node:fs'
import { SMTPServer } from 'smtp-server'

const MAIL_BYTES_MAX = 1024 * 1024

export interface SunkMail {
  readonly from: string
  readonly to: readonly string[]
  readonly message_id: string
  readonly at: string
  readonly raw: string
}

const file = process.argv[2]
if (file === undefined) {
  process.stderr.write('usage: smtp-sink.ts <file>\n')
  process.exit(2)
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  size: MAIL_BYTES_MAX,
  logger: false,
  onData(stream, session, done) {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.sizeExceeded) return done(new Error('The mail is too large'))
      const { mailFrom, rcptTo } = session.envelope
      const from = mailFrom === false ? '' : mailFrom.address
      keep(
        Buffer.concat(chunks).toString('utf8'),
        from,
        rcptTo.map((to) => to.address),
      )
      done()
    })
  },
})

/** Written before the reply: a mail that was accepted is on file. */
function keep(raw: string, from: string, to: readonly string[]): void {
  const messageId = /^message-id:\s*(\S+)/im.exec(raw)?.[1] ?? ''
  const mail: SunkMail = { from, to, message_id: messageId, at: new Date().toISOString(), raw }
  appendFileSync(file as string, `${JSON.stringify(mail)}\n`, { mode: 0o600 })
}

// A client that was killed takes its connections along; the others go on.
server.on('error', () => {})

server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  const address = server.server.address()
  if (typeof address === 'object') process.send?.({ port: address?.port })
})

// Ends with its parent, however that ended.
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})
process.on('SIGTERM', () => process.exit(0))
