import { HoldfastError } from '../../../src/base/fault.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** RFC 5322 §3.6.4. The same for each try, so that the receiver can drop a second copy. */
  readonly messageId: string
}

export interface Mailer {
  send(mail: Mail, signal: AbortSignal): Promise<void>
  close(): void
}

/** A server that does not answer must not hold the job beyond its own time. */
const CONNECT_TIMEOUT_MS = 5_000
const SOCKET_TIMEOUT_MS = 10_000
/** Mail servers refuse a client that opens many. */
const CONNECTIONS_MAX = 4

/** Mail over SMTP. `SMTP_URL` (`smtp://host:port`) and `MAIL_FROM` come from the environment. */
export async function smtpMailer(env: NodeJS.ProcessEnv): Promise<Mailer> {
  const { url, from } = mailSettings(env)
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
  })
  return {
    async send(mail, signal) {
      signal.throwIfAborted()
      await transport.sendMail({ from, ...mail })
    },
    close: () => transport.close(),
  }
}

export interface MailSettings {
  readonly url: string
  readonly from: string
}

export function mailSettings(env: NodeJS.ProcessEnv): MailSettings {
  const url = env.SMTP_URL ?? ''
  if (/^smtps?:$/.test(URL.parse(url)?.protocol ?? '')) {
    return { url, from: env.MAIL_FROM ?? 'Shop <orders@shop.example>' }
  }
  throw new HoldfastError(
    'HF_CONFIG_INVALID',
    'SMTP_URL must be a URL like smtp://127.0.0.1:2525: the shop sends confirmations by mail.',
  )
}
