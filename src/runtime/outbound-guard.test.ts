import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import http, { type Server } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import tls from 'node:tls'
import { isFault } from '../base/fault.ts'
import {
  insideTransaction,
  installOutboundGuard,
  outsideTransaction,
  transactionAround,
} from './outbound-guard.ts'

let server: Server
let origin: string
let port: number
let served = 0
let uninstall: () => void

before(async () => {
  server = http.createServer((request, response) => {
    served++
    request.resume()
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  origin = `http://127.0.0.1:${port}`
  uninstall = installOutboundGuard()
})

beforeEach(() => {
  served = 0
})

after(async () => {
  uninstall()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function refused(target: string, operation = 'shop.pay') {
  return (error: unknown) => {
    assert.ok(isFault(error, 'HF_OUTBOUND_IN_TRANSACTION'), String(error))
    assert.match(error.message, new RegExp(`${operation} called ${target} inside`))
    assert.deepEqual(error.facts, { operation, target })
    return true
  }
}

test('fetch rejects inside, whatever it is given, and no byte is sent', async () => {
  await insideTransaction('shop.pay', async () => {
    const host = `127.0.0.1:${port}`
    for (const input of [`${origin}/a?secret=1`, new URL(origin), new Request(origin)]) {
      const answer = fetch(input)
      assert.ok(answer instanceof Promise)
      await assert.rejects(answer, refused(host))
    }
  })
  assert.equal(served, 0)
})

test('fetch over a kept-alive connection is refused too', async () => {
  await (await fetch(origin)).text()
  await insideTransaction('shop.pay', () =>
    assert.rejects(fetch(origin), refused(`127.0.0.1:${port}`)),
  )
  assert.equal(served, 1)
})

test('requests of node:http and node:https throw', async () => {
  await insideTransaction('shop.pay', async () => {
    assert.throws(() => http.request(origin), refused(`127.0.0.1:${port}`))
    assert.throws(() => http.get(new URL(origin)), refused(`127.0.0.1:${port}`))
    assert.throws(() => http.get({ host: 'a.test', port: 81 }), refused('a.test:81'))
    assert.throws(() => https.get('https://b.test/x', { port: 444 }), refused('b.test:444'))
    assert.throws(() => https.request({ hostname: 'c.test', path: '/x' }), refused('c.test'))
  })
})

test('a request function taken before the guard came is refused at its agent', async () => {
  uninstall()
  const { request } = http
  uninstall = installOutboundGuard()
  const agent = new http.Agent({ keepAlive: true })
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request(origin, { agent }, (response) => response.resume().on('end', resolve))
      sent.on('error', reject).end()
    })
  await ask()
  await insideTransaction('shop.pay', () => assert.rejects(ask(), refused(`127.0.0.1:${port}`)))
  assert.equal(served, 1)
  agent.destroy()
})

test('TLS, HTTP/2, WebSockets and datagrams are refused at the socket', async (t) => {
  const socket = dgram.createSocket('udp4')
  t.after(() => socket.close())
  const datagram = refused('a datagram')
  await insideTransaction('shop.pay', async () => {
    assert.throws(() => tls.connect(port, '127.0.0.1'), refused(`127.0.0.1:${port}`))
    assert.throws(() => socket.send('a', port, '127.0.0.1'), datagram)
    assert.throws(() => http2.connect(origin), refused(`127.0.0.1:${port}`))
    assert.throws(() => new WebSocket(`ws://127.0.0.1:${port}`), refused(`127.0.0.1:${port}`))
  })
  assert.equal(served, 0)
  assert.equal(WebSocket.OPEN, 1)
  const web = new WebSocket(`ws://127.0.0.1:${port}`)
  await new Promise((resolve) => web.addEventListener('error', resolve, { once: true }))
  assert.ok(web instanceof WebSocket)
})

test('raw sockets throw at connect, by every form of the call', async () => {
  await insideTransaction('shop.pay', async () => {
    assert.throws(() => net.connect(port, '127.0.0.1'), refused(`127.0.0.1:${port}`))
    assert.throws(() => net.connect({ port }), refused(`localhost:${port}`))
    assert.throws(() => new net.Socket().connect('/tmp/x.sock'), refused('/tmp/x.sock'))
    assert.throws(() => new net.Socket().connect(port), refused(`localhost:${port}`))
  })
})

test('outsideTransaction lets a call through, and only that call', async () => {
  await insideTransaction('shop.pay', async () => {
    const reply = await outsideTransaction(() => fetch(origin))
    assert.equal(await reply.text(), 'ok')
    await assert.rejects(fetch(origin))
  })
  assert.equal(served, 1)
})

test('the mark follows promises and timers, and ends with the work', async () => {
  let go: () => void = () => {}
  let leftBehind = Promise.resolve('')
  await insideTransaction('shop.pay', async () => {
    await new Promise(setImmediate)
    assert.equal(transactionAround(), 'shop.pay')
    await Promise.all([assert.rejects(fetch(origin)), assert.rejects(fetch(origin))])
    leftBehind = new Promise<void>((resolve) => {
      go = resolve
    }).then(async () => (await fetch(origin)).text())
  })
  assert.equal(transactionAround(), undefined)
  go()
  assert.equal(await leftBehind, 'ok')
  assert.equal(served, 1)
})

test('what a called command left behind is inside its caller until that one ends', async () => {
  const seen: (string | undefined)[] = []
  let leftBehind = Promise.resolve()
  let go: () => void = () => {}
  await insideTransaction('shop.order', async () => {
    await insideTransaction('shop.reserve', async () => {
      seen.push(transactionAround())
      leftBehind = new Promise<void>((resolve) => {
        go = resolve
      }).then(() => void seen.push(transactionAround()))
    })
    go()
    await leftBehind
    seen.push(transactionAround())
  })
  assert.deepEqual(seen, ['shop.reserve', 'shop.order', 'shop.order'])
})

test('the mark ends when the work throws', async () => {
  const error = new Error('no')
  await assert.rejects(
    insideTransaction('shop.pay', () => {
      throw error
    }),
    error,
  )
  assert.equal(transactionAround(), undefined)
})

test('two installations: the doors open again with the last one', async () => {
  const second = installOutboundGuard()
  second()
  second()
  await insideTransaction('shop.pay', () => assert.rejects(fetch(origin)))
  uninstall()
  await insideTransaction('shop.pay', async () => void (await (await fetch(origin)).text()))
  uninstall = installOutboundGuard()
  assert.equal(served, 1)
})

test('the client behind fetch is not loaded before the first transaction', () => {
  const script = `
const isLoaded = () => process.moduleLoadList.some((name) => name.includes('deps/undici'))
const guard = await import('${new URL('./outbound-guard.ts', import.meta.url)}')
await import('${new URL('../transport/http/host.ts', import.meta.url)}')
guard.installOutboundGuard()
const before = isLoaded()
await guard.insideTransaction('shop.pay', () => {})
process.stdout.write(JSON.stringify([before, isLoaded()]))`
  const args = ['--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.deepEqual(stdout, '[false,true]', stderr)
})
