import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSmtpSink } from '../smtp-sink-process.ts'
import { smtpMailer } from './mailer.ts'

test('a mail goes over SMTP and is on file when it was accepted', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'shop-mail-'))
  const file = join(directory, 'mail.jsonl')
  const sink = await startSmtpSink(file)
  const mailer = await smtpMailer({ SMTP_URL: sink.url, MAIL_FROM: 'Shop <shop@acme.example>' })
  t.after(async () => {
    mailer.close()
    await sink.stop()
    rmSync(directory, { recursive: true })
  })

  const mail = {
    to: 'ada@example.org',
    subject: 'Größe',
    text: 'Zwölf',
    html: '<p>Zwölf</p>',
    messageId: '<1@shop>',
  }
  await mailer.send(mail, new AbortController().signal)
  await mailer.send({ ...mail, messageId: '<2@shop>' }, new AbortController().signal)

  const kept = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    kept.map(({ from, to, message_id }) => ({ from, to, message_id })),
    ['<1@shop>', '<2@shop>'].map((message_id) => ({
      from: 'shop@acme.example',
      to: ['ada@example.org'],
      message_id,
    })),
  )
})

test('a mail that nobody waits for any more is not sent', async () => {
  const mailer = await smtpMailer({ SMTP_URL: 'smtp://127.0.0.1:1' })
  const gone = AbortSignal.abort(new Error('gone'))
  const mail = { to: 'a@example.org', subject: '', text: '', html: '', messageId: '<1@shop>' }
  await assert.rejects(mailer.send(mail, gone), /gone/)
  mailer.close()
})

test('a missing mail server is told by name', async () => {
  await assert.rejects(smtpMailer({}), /SMTP_URL must be/)
  await assert.rejects(smtpMailer({ SMTP_URL: 'http://mail' }), /SMTP_URL must be/)
})
