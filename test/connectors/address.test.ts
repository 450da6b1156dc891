// Guards where the host connects to for a component: the attacks by which others were made to reach what they should not.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressProblem, rangeOf } from '../../host/connectors/address.ts'
import { literalProblem, Names, type Resolved, systemResolve } from '../../host/connectors/names.ts'
import { answer, Misbehaving } from '../support/misbehaving.ts'
import { asked, call, connectors, failed, replyOf } from './support.ts'

const Addresses = suite('addresses')

const none = { private: false, named: [] }
const inside = { private: true, named: [] }
const named = (...ranges: string[]) => ({ private: false, named: ranges.map((text) => rangeOf(text)!) })

Addresses('address.A3: what is public is allowed', () => {
  for (const address of ['1.1.1.1', '93.184.216.34', '172.15.255.255', '172.32.0.1', '100.128.0.1', '2606:4700::1111'])
    assert.is(addressProblem(address, none), undefined, address)
})

const private_ = [
  ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '127.255.255.254', '100.64.0.1'],
  ...['::1', 'fc00::1', 'fd12:3456::1'],
]
const special = [
  ...['0.0.0.0', '0.1.2.3', '169.254.169.254', '169.254.0.1', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.19.255.255'],
  ...['198.51.100.7', '203.0.113.9', '224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', '192.88.99.1'],
  ...['::', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', '2001:db8::1', '3fff::1', '2001:2::1'],
  ...['2001::1', '2001:0:53aa:64c:0:0:0:1', '2001:10::1', '64:ff9b:1::1', '4000::1', '100::1', '5f00::1', '1::1'],
]

Addresses('address.A1: what is private or special is refused where nothing is granted', () => {
  for (const address of [...private_, ...special]) assert.type(addressProblem(address, none), 'string', address)
})

Addresses('address.A4: private: true allows private networks and loopback, and nothing else', () => {
  for (const address of private_) assert.is(addressProblem(address, inside), undefined, address)
  for (const address of special) assert.type(addressProblem(address, inside), 'string', address)
})

Addresses('address.A4: a named range is allowed, whatever it is, and its neighbours are not', () => {
  assert.is(addressProblem('10.1.2.3', named('10.1.0.0/16')), undefined)
  assert.type(addressProblem('10.2.0.1', named('10.1.0.0/16')), 'string')
  assert.is(addressProblem('169.254.169.254', named('169.254.169.254')), undefined)
  assert.type(addressProblem('169.254.169.253', named('169.254.169.254')), 'string')
  assert.is(addressProblem('fe80::1', named('fe80::/10')), undefined)
  // Whoever names an address has named it in all its forms.
  assert.is(addressProblem('::ffff:10.1.2.3', named('10.1.0.0/16')), undefined)
})

Addresses('address.A2: an IPv4 address within an IPv6 one is what counts', () => {
  for (const [form, low] of [
    ['mapped', (v4: string) => `::ffff:${v4}`],
    ['compatible', (v4: string) => `::${v4}`],
    ['translated', (v4: string) => `::ffff:0:${v4}`],
    ['NAT64', (v4: string) => `64:ff9b::${v4}`],
    ['ISATAP', (v4: string) => `2606:4700::5efe:${v4}`],
    ['ISATAP of a global address', (v4: string) => `2606:4700::200:5efe:${v4}`],
    ['6to4', (v4: string) => `2002:${hexOf(v4)}::1`],
  ] as const) {
    for (const address of ['10.0.0.1', '127.0.0.1', '169.254.169.254', '192.168.0.1', '0.0.0.0', '100.64.1.1'])
      if (!(form === 'compatible' && address === '0.0.0.0'))
        assert.match(addressProblem(low(address), none) ?? '', /which means/, `${form} ${address}`)
    assert.type(addressProblem(low('169.254.169.254'), inside), 'string', form)
    assert.is(addressProblem(low('10.0.0.1'), inside), undefined, form)
    assert.is(addressProblem(low('1.1.1.1'), none), undefined, form)
  }
})

Addresses('address.A2: a public IPv4 address makes no network public in which an interface is named after it', () => {
  for (const network of ['fd00:', 'fe80:', 'fe90:', 'fec0:', 'ff02:', '2001:db8:', '4000:', ''])
    for (const interface_ of [':5efe:8.8.8.8', ':200:5efe:8.8.8.8']) {
      const address = `${network === '' ? ':' : network}${interface_}`
      assert.type(addressProblem(address, none), 'string', address)
      if (network !== 'fd00:') assert.type(addressProblem(address, inside), 'string', address)
    }
  assert.type(addressProblem('fd00::5efe:10.1.2.3', named('10.0.0.0/8')), 'string')
  assert.is(addressProblem('fd00::5efe:10.1.2.3', inside), undefined)
})

function hexOf(v4: string): string {
  const [a, b, c, d] = v4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return `${a}${b}:${c}${d}`
}

Addresses('what is no address is refused', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '[::1]', ':::', '0x7f.0.0.1'])
    assert.type(addressProblem(text, inside), 'string', text)
})

Addresses('a literal is checked in every spelling that a URL takes', () => {
  const loopback = ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '0x7f.1', '127.0.1', '127.0.0.1.']
  const more = ['[::1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[64:ff9b::127.0.0.1]', '１２７.０.０.１']
  for (const spelling of [...loopback, ...more, '0', '0.0.0.0', '[::]', '169.254.169.254', '2852039166']) {
    const { hostname } = new URL(`http://${spelling}/`)
    assert.ok(literalProblem(hostname, none), spelling)
  }
  for (const spelling of ['1.1.1.1', '16843009', '[2606:4700::1111]'])
    assert.is(literalProblem(new URL(`http://${spelling}/`).hostname, none), undefined, spelling)
})

Addresses('a grant with the literal of a private address says so when it is read', () => {
  assert.throws(() => connectors({ url: 'http://0x7f.1:80', grant: { private: false } }), /"private": true/)
})

Addresses('ranges are read, and what is none is not', () => {
  assert.equal(rangeOf('10.0.0.0/8'), { address: '10.0.0.0', prefix: 8, family: 4 })
  assert.equal(rangeOf('::1'), { address: '::1', prefix: 128, family: 6 })
  for (const text of ['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0/8', 'x', 'fe80::1%eth0', '10.0.0.0/08'])
    assert.is(rangeOf(text), undefined, text)
})

const v4 = (address: string): Resolved => ({ address, family: 4 })

Addresses('§connector-14, connectors/names.N1: a name that means a private address is NOT_SENT', async () => {
  const server = await Misbehaving.start(['request', answer(200, '{}')])
  const url = `http://rebinds.example:${server.port}`
  for (const address of ['127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1']) {
    const resolve = { 'rebinds.example': [{ address, family: address.includes(':') ? 6 : 4 }] }
    const made = connectors({ url, grant: { private: false }, resolve })
    const { code, reason, again, message } = failed(await call(made, asked()))
    assert.equal([code, reason, again], [7, 'NOT_SENT', false])
    assert.match(message, /rebinds\.example is .*"addresses"/)
    made.close()
  }
  assert.is(server.connections, 0)
  await server.stop()
})

Addresses('connectors/names.N2: one private address among public ones refuses the name', async () => {
  const resolve = { 'mixed.example': [v4('1.1.1.1'), v4('127.0.0.1')] }
  const made = connectors({ url: 'http://mixed.example', grant: { private: false }, resolve })
  assert.equal(failed(await call(made, asked())).reason, 'NOT_SENT')
  made.close()
})

Addresses('connectors/names.N1: a name that means another address after it was checked does nothing', async () => {
  const server = await Misbehaving.start(['request', answer(200, '{"id":"mine"}')])
  let times = 0
  const made = connectors({
    url: `http://rebinds.example:${server.port}`,
    // First what is allowed, then what is not: whoever asked twice would end there.
    resolve: (_name, done) => done(undefined, [v4(times++ === 0 ? '127.0.0.1' : '169.254.169.254')]),
    grant: { private: false, addresses: ['127.0.0.1'] },
  })
  assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'mine')
  assert.is(times, 1)
  made.close()
  await server.stop()
})

Addresses('connectors/names.N3: a name is asked for once, however many wait, and two names at a time', async () => {
  const underWay: string[] = []
  const answers: (() => void)[] = []
  const names = new Names((name, done) => {
    underWay.push(name)
    answers.push(() => done(undefined, [v4('1.1.1.1')]))
  })
  let heard = 0
  const lookup = names.lookupFor(none)
  for (const name of ['a', 'a', 'b', 'c', 'a'])
    lookup(name, { all: true }, () => {
      heard += 1
    })
  assert.equal(underWay, ['a', 'b'])
  answers[0]!()
  assert.equal([heard, underWay], [3, ['a', 'b', 'c']])
  answers[1]!()
  answers[2]!()
  assert.is(heard, 5)
})

Addresses('connectors/names.N3: who waits for a resolver that hangs is bounded', () => {
  const names = new Names(() => {})
  let refused = 0
  const lookup = names.lookupFor(none)
  for (let time = 0; time < 1_500; time++) lookup('a', { all: true }, (error) => (refused += error === null ? 0 : 1))
  assert.is(refused, 500)
})

Addresses('the resolver of the machine is asked for all addresses of a name', async () => {
  const server = await Misbehaving.start(['request', answer(200, '{"id":"mine"}')])
  const made = connectors({ url: `http://localhost:${server.port}`, resolve: systemResolve })
  assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'mine')
  made.close()
  const closed = connectors({ url: 'http://localhost:1', grant: { private: false }, resolve: systemResolve })
  assert.match(failed(await call(closed, asked())).message, /localhost is .* loopback/)
  closed.close()
  await server.stop()
})

Addresses('§connector-14: proxies of the environment are ignored', async () => {
  const proxy = await Misbehaving.start(['request', answer(200, '{"id":"proxy"}')])
  const server = await Misbehaving.start(['request', answer(200, '{"id":"mine"}')])
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'grpc_proxy']
  const before = new Map(names.map((name) => [name, process.env[name]]))
  for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`
  try {
    const made = connectors({ url: `http://127.0.0.1:${server.port}` })
    assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'mine')
    made.close()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  assert.is(proxy.connections, 0)
  await proxy.stop()
  await server.stop()
})

Addresses.run()
